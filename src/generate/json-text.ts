// JSON as grammars here have it: written in one way, with spaces behind commas and colons and nowhere else.

import { type Characters, complement, intersection } from './characters.ts';
import {
  BEYOND_ASCII,
  byte,
  characters,
  choice,
  type Expression,
  NOTHING,
  oneOf,
  optional,
  reference,
  repeat,
  type Rule,
  sequence,
  text,
  textOf,
} from './grammar.ts';
import type { Machine } from './machine.ts';

/** Digits that a number may have: more are not exact. */
export const MOST_DIGITS = 15;

const DIGIT = oneOf('0123456789');
const HEX = oneOf('0123456789abcdefABCDEF');
const ESCAPED = choice([
  oneOf('"\\/bfnrt'),
  // A lone surrogate is no character, and a pair of them would count as two.
  sequence(text('u'), oneOf('0123456789abcefABCEF'), HEX, HEX, HEX),
  sequence(text('u'), oneOf('dD'), oneOf('01234567'), HEX, HEX),
]);

/** A character of a string, in any spelling. */
export const CHARACTER: Expression = choice([
  byte(0x20, 0x21),
  byte(0x23, 0x5b),
  byte(0x5d, 0x7f),
  BEYOND_ASCII,
  sequence(text('\\'), ESCAPED),
]);

export const STRING: Expression = sequence(text('"'), repeat(CHARACTER, 0, Infinity), text('"'));

export const INTEGER: Expression = sequence(
  optional(text('-')),
  choice([text('0'), sequence(oneOf('123456789'), repeat(DIGIT, 0, MOST_DIGITS - 1))]),
);

export const NUMBER: Expression = sequence(
  INTEGER,
  optional(sequence(text('.'), repeat(DIGIT, 1, MOST_DIGITS))),
  optional(sequence(oneOf('eE'), optional(oneOf('+-')), repeat(DIGIT, 1, 2))),
);

export const BOOLEAN: Expression = choice([text('true'), text('false')]);
export const NULL: Expression = text('null');

const ANY_RULE: Rule = { expression: NOTHING };
/** Any value. */
export const ANY: Expression = reference(ANY_RULE);
ANY_RULE.expression = choice([
  list('{', sequence(STRING, text(': '), ANY), '}'),
  list('[', ANY, ']'),
  STRING,
  NUMBER,
  BOOLEAN,
  NULL,
]);

/** Elements between brackets, commas between them: the `first` ones, then so many more that there are `min` to `max`. */
export function list(
  open: string,
  element: Expression,
  close: string,
  min = 0,
  max = Infinity,
  first: readonly Expression[] = [],
): Expression {
  const comma = text(', ');
  const [head, ...others] = first;
  const rest = repeat(
    sequence(comma, element),
    Math.max(0, min - Math.max(1, first.length)),
    max - Math.max(1, first.length),
  );
  if (head) return sequence(text(open), head, ...others.flatMap((one) => [comma, one]), rest, text(close));
  const some = max === 0 ? sequence() : sequence(element, rest);
  return sequence(text(open), min === 0 ? optional(some) : some, text(close));
}

/** The text of a value. */
export function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, one]) => `${JSON.stringify(key)}: ${jsonText(one)}`)
      .join(', ')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Strings whose characters are a text of a machine, each character in its shortest spelling. */
export function stringOf(machine: Machine): Expression {
  return sequence(text('"'), textOf(machine, spelling), text('"'));
}

/** The characters that are escaped. */
const ESCAPED_CODES: Characters = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];

function spelling(set: Characters): Expression {
  const escapes = intersection(set, ESCAPED_CODES).flatMap(([low, high]) =>
    Array.from({ length: high - low + 1 }, (_, index) =>
      text(JSON.stringify(String.fromCharCode(low + index)).slice(1, -1)),
    ),
  );
  const plain = intersection(set, complement(ESCAPED_CODES));
  const expression = choice([...(plain.length > 0 ? [characters(plain)] : []), ...escapes]);
  const bytes = expression.kind === 'byte' || (escapes.length === 0 && plain.every(([, high]) => high < 0x80));
  // Others are built once, however many states they lead on from.
  return bytes ? expression : reference({ expression });
}
