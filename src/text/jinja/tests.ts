// The tests of jinja2, by name: `value is name`.

import { TemplateFault } from './faults.ts';
import { hasFilter } from './filters.ts';
import { isCased } from './letter-case.ts';
import { binary, compares } from './operators.ts';
import { printed } from './print.ts';
import { signature } from './signature.ts';
import { isSafe, isStr, plain } from './text.ts';
import { Dict, equals, isIterable, isNumber, type Named, Thing, Tuple, Undefined, type Value } from './values.ts';

type Test = readonly [parameters: string, holds: (value: Value, other: Value) => boolean];

const comparison = (operator: '==' | '!=' | '<' | '<=' | '>' | '>='): Test => [
  'other! /',
  (value, other) => compares(operator, value, other),
];

const [EQUAL, UNEQUAL, LESS, MORE] = [comparison('=='), comparison('!='), comparison('<'), comparison('>')];
const [AT_MOST, AT_LEAST] = [comparison('<='), comparison('>=')];

/** Whether dividing leaves so much. */
function rest(value: Value, divisor: Value, wanted: bigint): boolean {
  return equals(binary('%', value, divisor), wanted);
}

/** Whether two values are one object in Python; numbers and texts that are equal may be or not. */
function isSame(value: Value, other: Value): boolean {
  if (value instanceof Undefined || other instanceof Undefined) return value === other;
  if (isStr(value) && isStr(other)) return plain(value) === plain(other);
  return Object.is(value, other);
}

function isSequence(value: Value): boolean {
  if (value instanceof Thing) return value.type === 'range';
  if (value instanceof Undefined) return true;
  return isStr(value) || Array.isArray(value) || value instanceof Tuple || value instanceof Dict;
}

const TESTS = new Map<string, Test>(
  Object.entries({
    '!=': UNEQUAL,
    '<': LESS,
    '<=': AT_MOST,
    '==': EQUAL,
    '>': MORE,
    '>=': AT_LEAST,
    boolean: ['', (value) => typeof value === 'boolean'],
    callable: ['', (value) => value instanceof Undefined || (value instanceof Thing && value.isCallable)],
    defined: ['', (value) => !(value instanceof Undefined)],
    divisibleby: ['num!', (value, divisor) => rest(value, divisor, 0n)],
    eq: EQUAL,
    equalto: EQUAL,
    escaped: ['', (value) => isStr(value) && isSafe(value)],
    even: ['', (value) => rest(value, 2n, 0n)],
    false: ['', (value) => value === false],
    filter: ['', (value) => isStr(value) && hasFilter(plain(value))],
    float: ['', (value) => typeof value === 'number'],
    ge: AT_LEAST,
    greaterthan: MORE,
    gt: MORE,
    in: ['seq!', (value, container) => compares('in', value, container)],
    integer: ['', (value) => typeof value === 'bigint'],
    iterable: ['', isIterable],
    le: AT_MOST,
    lessthan: LESS,
    lower: ['', (value) => isCased(plain(printed(value)), 'lower')],
    lt: LESS,
    mapping: ['', (value) => value instanceof Dict],
    ne: UNEQUAL,
    none: ['', (value) => value === null],
    number: ['', isNumber],
    odd: ['', (value) => rest(value, 2n, 1n)],
    sameas: ['other!', isSame],
    sequence: ['', isSequence],
    string: ['', isStr],
    test: ['', (value) => isStr(value) && hasTest(plain(value))],
    true: ['', (value) => value === true],
    undefined: ['', (value) => value instanceof Undefined],
    upper: ['', (value) => isCased(plain(printed(value)), 'upper')],
  } satisfies Record<string, Test>),
);

export function hasTest(name: string): boolean {
  return TESTS.has(name);
}

/** @throws TemplateFault for arguments or values that the test does not take */
export function applyTest(name: string, value: Value, list: readonly Value[], named: Named): boolean {
  const test = TESTS.get(name);
  if (test === undefined) throw new TemplateFault(`there is no test "${name}"`);
  const [parameters, holds] = test;
  const [other = null] = signature(parameters)(list, named);
  return holds(value, other);
}
