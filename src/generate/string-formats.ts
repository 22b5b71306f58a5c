// The formats that JSON Schema, OpenAPI and zod name, as patterns. Each has texts of its format alone, and not all of them:
// validators differ in the rest.

const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,58}[a-zA-Z0-9])?';
// Without "--", behind which a name in another script would have to be valid.
const PLAIN_LABEL = '[a-z0-9]+(?:-[a-z0-9]+)*';
const HOST = `${PLAIN_LABEL}(?:\\.${PLAIN_LABEL}){0,6}\\.[a-z]{2,18}`;
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `(?:${OCTET}\\.){3}${OCTET}`;
const GROUP = '[0-9a-fA-F]{1,4}';

const DAYS =
  '(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8])';
const LEAP_YEAR = '\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00';
const DATE = `(?:\\d{4}-(?:${DAYS})|(?:${LEAP_YEAR})-02-29)`;
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d';
const TIME = `${CLOCK}:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-]${CLOCK})`;

const ESCAPE = '%[0-9A-F]{2}';
const PATH_CHARACTER = `(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|${ESCAPE})`;
const PORT = '(?::(?:[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}))?';
const TAIL = `(?:\\?(?:${PATH_CHARACTER}|[/?])*)?(?:#(?:${PATH_CHARACTER}|[/?])*)?`;
const URI = `[a-z][a-z0-9+.-]*://(?:${HOST}|${IPV4})${PORT}(?:/${PATH_CHARACTER}*)*${TAIL}`;
const URI_REFERENCE = `(?:${URI}|(?:/${PATH_CHARACTER}+)+/?${TAIL})`;

const POINTER = '(?:/(?:[^~/]|~[01])*)*';
const EMAIL = `[A-Za-z0-9_'+-]+(?:\\.[A-Za-z0-9_'+-]+)*@(?:${LABEL}\\.)+[A-Za-z]{2,24}`;
const BASE64 = '(?:[0-9a-zA-Z+/]{4})*(?:[0-9a-zA-Z+/]{2}==|[0-9a-zA-Z+/]{3}=)?';
const DURATION = 'P(?:\\d+W|(?=.)(?:\\d+Y)?(?:\\d+M)?(?:\\d+D)?(?:T(?=.)(?:\\d+H)?(?:\\d+M)?(?:\\d+S)?)?)';

/** Patterns of whole texts. */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  'iso-date-time': `${DATE}T${TIME}`,
  'iso-time': TIME,
  duration: DURATION,
  email: EMAIL,
  'idn-email': EMAIL,
  hostname: `${LABEL}(?:\\.${LABEL}){0,3}`,
  'idn-hostname': `${LABEL}(?:\\.${LABEL}){0,3}`,
  ipv4: IPV4,
  ip: IPV4,
  ipv6: ipv6(),
  uri: URI,
  url: URI,
  iri: URI,
  'uri-reference': URI_REFERENCE,
  'iri-reference': URI_REFERENCE,
  'uri-template': URI,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}',
  'json-pointer': POINTER,
  'relative-json-pointer': `(?:0|[1-9]\\d*)(?:#|${POINTER})`,
  byte: BASE64,
  jwt: '[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+',
};

/** The pattern of a format; null for one that says nothing about characters, or that is not known. */
export function formatPattern(format: string): string | null {
  return Object.hasOwn(FORMATS, format) ? `^(?:${FORMATS[format]})$` : null;
}

/** All eight groups, or two colons for one and more of them. */
function ipv6(): string {
  const groups = (count: number) => `${GROUP}(?::${GROUP}){${count - 1}}`;
  const options = [groups(8)];
  for (let before = 0; before <= 7; before++) {
    const behind = 7 - before === 0 ? '' : `(?:${GROUP}(?::${GROUP}){0,${6 - before}})?`;
    options.push(`${before === 0 ? '' : groups(before)}::${behind}`);
  }
  return `(?:${options.join('|')})`;
}
