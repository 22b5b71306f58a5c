// Grammars: sets of texts, as expressions over the bytes of UTF-8.

/** A set of texts. */
export type Expression =
  | { kind: 'byte'; low: number; high: number }
  | { kind: 'sequence'; parts: readonly Expression[] }
  | { kind: 'choice'; options: readonly Expression[] }
  | { kind: 'repeat'; of: Expression; min: number; max: number }
  | { kind: 'rule'; rule: Rule };

/** An expression that others refer to, and that may refer to itself, but not before a byte. */
export interface Rule {
  expression: Expression;
}

/** One byte within a range. */
export function byte(low: number, high = low): Expression {
  return { kind: 'byte', low, high };
}

/** Exactly this text. */
export function text(string: string): Expression {
  return sequence(...Array.from(new TextEncoder().encode(string), (code) => byte(code)));
}

/** One of these ASCII characters. */
export function oneOf(characters: string): Expression {
  return choice(Array.from(characters, (character) => byte(character.charCodeAt(0))));
}

export function sequence(...parts: readonly Expression[]): Expression {
  return { kind: 'sequence', parts };
}

/** Any of the options; of none, nothing. */
export function choice(options: readonly Expression[]): Expression {
  return options.length === 1 ? options[0]! : { kind: 'choice', options };
}

/** @param max Infinity for no end */
export function repeat(of: Expression, min: number, max: number): Expression {
  return { kind: 'repeat', of, min, max };
}

export function optional(of: Expression): Expression {
  return repeat(of, 0, 1);
}

/** A reference to a rule whose expression may be set later. */
export function reference(rule: Rule): Expression {
  return { kind: 'rule', rule };
}

/** Nothing: no text at all, not even the empty one. */
export const NOTHING: Expression = { kind: 'choice', options: [] };

const CONTINUATION = byte(0x80, 0xbf);

/** Every character beyond ASCII, as UTF-8 writes it (Unicode 16, table 3-7). */
export const BEYOND_ASCII: Expression = choice([
  sequence(byte(0xc2, 0xdf), CONTINUATION),
  sequence(byte(0xe0), byte(0xa0, 0xbf), CONTINUATION),
  sequence(byte(0xe1, 0xec), CONTINUATION, CONTINUATION),
  sequence(byte(0xed), byte(0x80, 0x9f), CONTINUATION),
  sequence(byte(0xee, 0xef), CONTINUATION, CONTINUATION),
  sequence(byte(0xf0), byte(0x90, 0xbf), CONTINUATION, CONTINUATION),
  sequence(byte(0xf1, 0xf3), CONTINUATION, CONTINUATION, CONTINUATION),
  sequence(byte(0xf4), byte(0x80, 0x8f), CONTINUATION, CONTINUATION),
]);
