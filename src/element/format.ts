// Numbers as people read them: every number of the page comes from `formatNumber`. Plain functions of their arguments, in
// English, without a locale of the machine: what a screenshot or a test sees is what everyone sees.

/**
 * A number: groups of three stand apart by a narrow space, since a comma is a decimal point to many, also in our inputs.
 *
 * @param digits how many significant digits a measured number is rounded to; left out, the number is exact
 * @example
 * formatNumber(37_216); // '37 216'
 * formatNumber(58.317, 3); // '58.3'
 */
export function formatNumber(value: number, digits?: number): string {
  const [whole = '', ...decimals] = (digits === undefined ? String(value) : rounded(value, digits)).split('.');
  return [whole.replace(/\B(?=(\d{3})+$)/g, '\u202f'), ...decimals].join('.');
}

/** Significant digits of what is measured, or too large for all of its digits to matter. */
const DIGITS = 3;

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB'];
const PARAMETERS = ['', 'k', 'M', 'B', 'T'];

/**
 * Bytes in decimal units, as browsers and systems show downloads.
 *
 * @example
 * formatBytes(35_120_000); // '35.1 MB'
 */
export function formatBytes(bytes: number): string {
  return scaled(bytes, BYTES);
}

/**
 * A count of parameters.
 *
 * @example
 * formatParameters(34_900_000); // '34.9 M'
 */
export function formatParameters(count: number): string {
  return scaled(count, PARAMETERS);
}

/**
 * How long something still takes, rounded as far as such a guess can be trusted; empty while it is unknown.
 *
 * @example
 * formatTimeLeft(75); // 'about 2 min left'
 */
export function formatTimeLeft(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '';
  if (seconds < 1.5) return 'about a second left';
  if (seconds < 59.5) return `about ${formatNumber(Math.round(seconds))} s left`;
  if (seconds < 3600) return `about ${formatNumber(Math.ceil(seconds / 60))} min left`;
  return `about ${formatNumber(seconds / 3600, 2)} h left`;
}

/**
 * A duration that was measured.
 *
 * @example
 * formatSeconds(0.118); // '0.118 s'
 */
export function formatSeconds(seconds: number): string {
  return seconds < 0.1 ? `${formatNumber(Math.round(seconds * 1e3))} ms` : `${formatNumber(seconds, DIGITS)} s`;
}

/**
 * Tokens per second; empty where nothing was measured.
 *
 * @example
 * formatRate(58.317); // '58.3 tokens/s'
 */
export function formatRate(tokensPerSecond: number): string {
  if (!Number.isFinite(tokensPerSecond) || tokensPerSecond <= 0) return '';
  return `${formatNumber(tokensPerSecond, DIGITS)} tokens/s`;
}

/** A count, in full. */
export function formatInteger(value: number): string {
  return formatNumber(Math.trunc(value));
}

/** A number of things and their name: `1 token`, `76 tokens`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${formatInteger(count)} ${count === 1 ? one : many}`;
}

/** The largest unit that leaves one to three digits before the point, each a thousand of the one before. */
function scaled(value: number, units: readonly string[]): string {
  let step = 0;
  let rest = Math.round(value);
  // A value that rounds up to a thousand of a unit is one of the next unit.
  while (step < units.length - 1 && Number(rest.toPrecision(DIGITS)) >= 1e3) {
    rest /= 1e3;
    step++;
  }
  return [step === 0 ? formatNumber(rest) : formatNumber(rest, DIGITS), units[step]].filter(Boolean).join(' ');
}

/** Digits before and after the point, without an exponent whatever the size. */
function rounded(value: number, digits: number): string {
  const [, exponent] = value.toExponential(digits - 1).split('e');
  const decimals = Math.min(100, Math.max(0, digits - 1 - Number(exponent)));
  return Number(value.toPrecision(digits)).toFixed(decimals);
}
