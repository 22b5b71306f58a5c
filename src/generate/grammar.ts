// Grammars: sets of texts, as expressions over the bytes of UTF-8.

import type { Characters } from './characters.ts';
import type { Machine } from './machine.ts';

/** A set of texts. */
export type Expression =
  | { kind: 'byte'; low: number; high: number }
  | { kind: 'sequence'; parts: readonly Expression[] }
  | { kind: 'choice'; options: readonly Expression[] }
  | { kind: 'repeat'; of: Expression; min: number; max: number }
  | { kind: 'machine'; states: readonly MachineStep[] }
  /** A scope, in which no two items are the same value of JSON; and an item of the scope around it. */
  | { kind: 'scope' | 'item'; of: Expression }
  | { kind: 'rule'; rule: Rule };

/** A state of a finite automaton, by texts to other states, which are numbered; the first is the start. */
export interface MachineStep {
  /** Whether a text may end here. */
  ends: boolean;
  next: readonly { by: Expression; to: number }[];
}

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
export function oneOf(ascii: string): Expression {
  return choice(Array.from(ascii, (character) => byte(character.charCodeAt(0))));
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

/** Texts in which no two items are the same value of JSON. */
export function scope(of: Expression): Expression {
  return { kind: 'scope', of };
}

/** An item of the scope around it: JSON of a value. Some byte that is in no item stands between two of them. */
export function item(of: Expression): Expression {
  return { kind: 'item', of };
}

/** Nothing: no text at all, not even the empty one. */
export const NOTHING: Expression = { kind: 'choice', options: [] };

/** The characters of ranges of code points without surrogates, as UTF-8 writes them. */
export function characters(ranges: Characters): Expression {
  return byFirst(ranges.flatMap(([low, high]) => encodings(low, high)));
}

/** The texts of a machine, the characters of each of its classes as `spell` writes them. */
export function textOf({ classes, states }: Machine, spell: (set: Characters) => Expression): Expression {
  const spelled = classes.map(spell);
  const steps = states.map(({ ends, next }) => ({
    ends,
    next: Array.from(next, ([by, to]) => ({ by: spelled[by]!, to })),
  }));
  return { kind: 'machine', states: steps };
}

interface Bytes {
  kind: 'byte';
  low: number;
  high: number;
}

/** Sequences in their order; those that begin alike do so together. */
function byFirst(sequences: readonly (readonly Bytes[])[]): Expression {
  const groups: { first: Bytes; rests: (readonly Bytes[])[] }[] = [];
  for (const [first, ...rest] of sequences) {
    const last = groups.at(-1);
    if (last && last.first.low === first!.low && last.first.high === first!.high) last.rests.push(rest);
    else groups.push({ first: first!, rests: [rest] });
  }
  return choice(groups.map(({ first, rests }) => (rests[0]!.length === 0 ? first : sequence(first, byFirst(rests)))));
}

/** Sequences of ranges of bytes: a range of code points falls apart where bytes behind the first begin anew. */
function encodings(low: number, high: number): Bytes[][] {
  for (const last of [0x7f, 0x7ff, 0xffff]) {
    if (low <= last && last < high) return [...encodings(low, last), ...encodings(last + 1, high)];
  }
  const [first, last] = [low, high].map((code) => new TextEncoder().encode(String.fromCodePoint(code)));
  for (let behind = 1; behind < first!.length; behind++) {
    const tail = (1 << (6 * behind)) - 1;
    if ((low | tail) === (high | tail)) break;
    if ((low & tail) !== 0) return [...encodings(low, low | tail), ...encodings((low | tail) + 1, high)];
    if ((high & tail) !== tail) return [...encodings(low, (high & ~tail) - 1), ...encodings(high & ~tail, high)];
  }
  return [Array.from(first!, (from, index) => ({ kind: 'byte', low: from, high: last![index]! }))];
}

/** Every character beyond ASCII. */
export const BEYOND_ASCII: Expression = characters([
  [0x80, 0xd7ff],
  [0xe000, 0x10ffff],
]);
