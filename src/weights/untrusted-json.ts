import { BambaError, type ErrorCode } from '../errors.ts';

/** The bounds of a JSON text from outside. */
export interface JsonBounds {
  /** Names the text in errors: `the header of model.safetensors`. */
  what: string;
  code: ErrorCode;
  maxBytes: number;
  /** Arrays and objects inside each other. */
  maxDepth: number;
  /** Weight of all values, see `checkStructure`: bounds the memory that the parsed value takes, some 100 bytes each. */
  maxValues: number;
}

/**
 * Parses JSON that nobody vouches for. Size, depth and number of values are checked on the bytes, before anything is
 * allocated for them. Otherwise a text of a few MB can make a parser take a hundred times its size.
 * @throws BambaError with the code of `bounds`.
 */
export function parseUntrustedJson(bytes: Uint8Array, bounds: JsonBounds): unknown {
  const { what, code } = bounds;
  if (bytes.length > bounds.maxBytes) {
    throw new BambaError(code, `${what} has ${bytes.length} bytes; at most ${bounds.maxBytes} are accepted.`);
  }
  checkStructure(bytes, bounds);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new BambaError(code, `${what} is not JSON: ${(cause as Error).message}. The file may be damaged.`, { cause });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The weight of a member's name against a plain value: a string of its own and a place in a hash table. */
const MEMBER_WEIGHT = 3;

function checkStructure(bytes: Uint8Array, { what, code, maxDepth, maxValues }: JsonBounds): void {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) inString = !inString;
    else if (inString) {
      if (byte === BACKSLASH) i++;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
      values++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    else if (byte === COMMA) values++;
    else if (byte === COLON) values += MEMBER_WEIGHT;
    if (depth > maxDepth) throw new BambaError(code, `${what} is nested more than ${maxDepth} levels deep.`);
    if (values > maxValues) throw new BambaError(code, `${what} holds more than ${maxValues} values.`);
  }
}

/** Whether `value` is an object that is no array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
