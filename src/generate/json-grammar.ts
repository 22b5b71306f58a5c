// JSON Schemas as grammars. Every text of such a grammar is valid; not every valid text is in it: JSON is written in one
// way (`{"a": 1, "b": [2, 3]}`), properties come in the order of the schema, none that it does not name where it names
// some, and numbers have at most 15 digits, or with bounds two digits behind the point and so many more as the bounds.

import {
  BEYOND_ASCII,
  byte,
  choice,
  type Expression,
  oneOf,
  optional,
  reference,
  repeat,
  type Rule,
  NOTHING,
  sequence,
  text,
} from './grammar.ts';
import { decimalRange, integerRange } from './number-range.ts';
import {
  invalid,
  isObject,
  type JsonType,
  readAssertion,
  readBound,
  readCount,
  type SchemaObject,
} from './schema-keywords.ts';

/** Digits that a number may have: more are not exact. */
const MOST_DIGITS = 15;
/** Digits behind the point of a number with bounds, at least. */
const DECIMALS = 2;
/** What a count may ask for: each one is a part of the grammar. */
const MOST_COUNTED = 10_000;

const DIGIT = oneOf('0123456789');
const HEX = oneOf('0123456789abcdefABCDEF');
const ESCAPED = choice([
  oneOf('"\\/bfnrt'),
  // A lone surrogate is no character, and a pair of them would count as two.
  sequence(text('u'), oneOf('0123456789abcefABCEF'), HEX, HEX, HEX),
  sequence(text('u'), oneOf('dD'), oneOf('01234567'), HEX, HEX),
]);
const CHARACTER = choice([
  byte(0x20, 0x21),
  byte(0x23, 0x5b),
  byte(0x5d, 0x7f),
  BEYOND_ASCII,
  sequence(text('\\'), ESCAPED),
]);
const STRING = sequence(text('"'), repeat(CHARACTER, 0, Infinity), text('"'));
const INTEGER = sequence(
  optional(text('-')),
  choice([text('0'), sequence(oneOf('123456789'), repeat(DIGIT, 0, MOST_DIGITS - 1))]),
);
const NUMBER = sequence(
  INTEGER,
  optional(sequence(text('.'), repeat(DIGIT, 1, MOST_DIGITS))),
  optional(sequence(oneOf('eE'), optional(oneOf('+-')), repeat(DIGIT, 1, 2))),
);
const BOOLEAN = choice([text('true'), text('false')]);
const NULL = text('null');
const ANY_RULE: Rule = { expression: NOTHING };
const ANY = reference(ANY_RULE);
ANY_RULE.expression = choice([
  list('{', sequence(STRING, text(': '), ANY), '}'),
  list('[', ANY, ']'),
  STRING,
  NUMBER,
  BOOLEAN,
  NULL,
]);

/**
 * The JSON texts that are valid under a schema.
 * @throws BambaError `setting_invalid` naming the place in the schema, and what cannot be kept to
 */
export function jsonGrammar(schema: unknown): Expression {
  return new SchemaGrammar(schema).whole();
}

class SchemaGrammar {
  readonly #schema: unknown;
  /** The parts of the schema that references name. */
  readonly #references = new Map<string, Rule>();
  /** References that are being followed without an object or array around: to meet one again would never end. */
  #following: string[] = [];

  constructor(schema: unknown) {
    this.#schema = schema;
  }

  whole(): Expression {
    return this.#value(this.#schema, '#');
  }

  #value(schema: unknown, path: string): Expression {
    const { fields, assertion } = readAssertion(schema, path);
    switch (assertion.kind) {
      case 'anything':
        return ANY;
      case 'ref':
        return this.#reference(assertion.ref, path);
      case 'values':
        return choice(assertion.values.map((value) => text(jsonText(value))));
      case 'choice':
        return choice(assertion.schemas.map((one, index) => this.#value(one, `${path}/${index}`)));
      default:
        return choice(assertion.types.map((type) => this.#ofType(type, fields, path)));
    }
  }

  #ofType(type: JsonType, fields: SchemaObject, path: string): Expression {
    switch (type) {
      case 'object':
        return this.#inside(() => this.#object(fields, path));
      case 'array':
        return this.#inside(() => this.#array(fields, path));
      case 'string':
        return stringExpression(fields, path);
      case 'integer':
      case 'number':
        return numberExpression(type, fields, path);
      case 'boolean':
        return BOOLEAN;
      default:
        return NULL;
    }
  }

  /** The parts of an object or array: references in it may lead back. */
  #inside(part: () => Expression): Expression {
    const following = this.#following;
    this.#following = [];
    const expression = part();
    this.#following = following;
    return expression;
  }

  #reference(ref: string, path: string): Expression {
    if (this.#following.includes(ref)) throw invalid(path, `"$ref" leads to itself`);
    const known = this.#references.get(ref);
    if (known) return reference(known);
    let target: unknown = this.#schema;
    for (const part of ref.split('/').slice(1)) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      target = Array.isArray(target)
        ? target[Number(key)]
        : isObject(target) && Object.hasOwn(target, key)
          ? target[key]
          : undefined;
    }
    if (target === undefined) throw invalid(path, `there is no ${ref}`);
    const rule: Rule = { expression: NOTHING };
    this.#references.set(ref, rule);
    this.#following.push(ref);
    rule.expression = this.#value(target, ref);
    this.#following.pop();
    return reference(rule);
  }

  #object(fields: SchemaObject, path: string): Expression {
    const { properties = {}, required = [], additionalProperties = true } = fields;
    if (!isObject(properties)) throw invalid(path, '"properties" takes an object of schemas');
    if (!Array.isArray(required) || !required.every((name) => typeof name === 'string')) {
      throw invalid(path, '"required" takes a list of names');
    }
    const unnamed = required
      .filter((name) => !Object.hasOwn(properties, name))
      .map((name): [string, unknown] => [name, additionalProperties]);
    const members = [...Object.entries(properties), ...unnamed].filter(
      ([name, schema]) => schema !== false || required.includes(name),
    );
    if (members.length > 0) return this.#members(members, required, path);
    if (additionalProperties === false || Object.hasOwn(fields, 'properties')) return text('{}');
    const value = this.#value(additionalProperties, `${path}/additionalProperties`);
    return list('{', sequence(STRING, text(': '), value), '}');
  }

  /** Named properties in their order, those that are not required or left out. */
  #members(members: readonly [string, unknown][], required: readonly string[], path: string): Expression {
    // From the last to the first: what may follow when a property came before, and when none did.
    let followed: Expression = sequence();
    let first: Expression = sequence();
    for (const [name, schema] of members.toReversed()) {
      const member = sequence(text(`${JSON.stringify(name)}: `), this.#value(schema, `${path}/properties/${name}`));
      const next = followed;
      const skipped = (rest: Expression) => (required.includes(name) ? [] : [rest]);
      first = named(choice([sequence(member, next), ...skipped(first)]));
      followed = named(choice([sequence(text(', '), member, next), ...skipped(next)]));
    }
    return sequence(text('{'), first, text('}'));
  }

  #array(fields: SchemaObject, path: string): Expression {
    const { prefixItems = [], items } = fields;
    if (!Array.isArray(prefixItems)) throw invalid(path, '"prefixItems" takes a list of schemas');
    const [min, max] = countRange(fields, 'minItems', 'maxItems', path);
    const first = prefixItems.slice(0, max).map((schema, index) => this.#value(schema, `${path}/prefixItems/${index}`));
    // After a list of first items others come only where they are asked for.
    const closed = items === false || (items === undefined && first.length > 0 && min <= first.length);
    if (!closed && max > first.length) {
      return list('[', this.#value(items ?? true, `${path}/items`), ']', min, max, first);
    }
    if (min > first.length) throw invalid(path, '"minItems" is above the number of items');
    return list('[', NOTHING, ']', first.length, first.length, first);
  }
}

/** Elements between brackets, commas between them: the `first` ones, then so many more that there are `min` to `max`. */
function list(
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

/** An expression that several refer to, as a rule: it is built once. */
function named(expression: Expression): Expression {
  return reference({ expression });
}

function stringExpression(fields: SchemaObject, path: string): Expression {
  const [min, max] = countRange(fields, 'minLength', 'maxLength', path);
  return sequence(text('"'), repeat(CHARACTER, min, max), text('"'));
}

function countRange(fields: SchemaObject, minimum: string, maximum: string, path: string): [min: number, max: number] {
  const min = readCount(fields, minimum, path) ?? 0;
  const max = readCount(fields, maximum, path) ?? Infinity;
  if (min > max) throw invalid(path, `"${minimum}" is above "${maximum}"`);
  if (min > MOST_COUNTED) throw invalid(path, `"${minimum}" is above ${MOST_COUNTED}, the most that can be kept to`);
  return [min, max > MOST_COUNTED && max < Infinity ? MOST_COUNTED : max];
}

function numberExpression(type: 'integer' | 'number', fields: SchemaObject, path: string): Expression {
  const bound = (keyword: string) => readBound(fields, keyword, path);
  const [minimum, maximum] = [bound('minimum'), bound('maximum')];
  const [above, below] = [bound('exclusiveMinimum'), bound('exclusiveMaximum')];
  const bounds = [minimum, maximum, above, below].filter((value) => value !== undefined);
  if (bounds.length === 0) return type === 'integer' ? INTEGER : NUMBER;
  // Exclusive bounds are moved by one unit, so that unit has to be finer than the bounds.
  const decimals = Math.max(DECIMALS, ...bounds.map((value) => decimalsOf(value, path) + 1));
  const unit = 10n ** BigInt(decimals);
  const scaled = (value: number | undefined, moved = 0n) =>
    value === undefined ? [] : [BigInt(value.toFixed(decimals).replace('.', '')) + moved];
  const mins = [...scaled(minimum), ...scaled(above, 1n)];
  const maxs = [...scaled(maximum), ...scaled(below, -1n)];
  const limit = 10n ** BigInt(MOST_DIGITS) * unit - 1n;
  const min = mins.length === 0 ? least(-limit, ...maxs) : most(...mins);
  const max = maxs.length === 0 ? most(limit, min) : least(...maxs);
  const whole = integerRange(-floorDivide(-min, unit), floorDivide(max, unit));
  const ranges = type === 'integer' ? [whole] : [whole, decimalRange(min, max, decimals)];
  const choices = ranges.filter((expression) => expression !== null);
  if (choices.length === 0) throw invalid(path, `no ${type} is within the bounds`);
  return choice(choices);
}

/** Digits behind the point of a bound. */
function decimalsOf(value: number, path: string): number {
  for (let decimals = 0; decimals <= MOST_DIGITS; decimals++) {
    if (Math.abs(value) < 1e21 && Number(value.toFixed(decimals)) === value) return decimals;
  }
  throw invalid(path, `the bound ${value} has too many digits`);
}

function floorDivide(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  return value < 0n && quotient * unit !== value ? quotient - 1n : quotient;
}

function least(...values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b < a ? b : a));
}

function most(...values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b > a ? b : a));
}

/** JSON as grammars here have it: spaces behind commas and colons, nowhere else. */
function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(', ')}]`;
  if (isObject(value)) {
    return `{${Object.entries(value)
      .map(([key, one]) => `${JSON.stringify(key)}: ${jsonText(one)}`)
      .join(', ')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
