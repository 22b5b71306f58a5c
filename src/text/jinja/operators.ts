// Operators between values, as Python has them.

import { MAX_INTEGER_BITS, MAX_TEXT, spend } from './budget.ts';
import { TemplateFault, TemplateOverrun, TemplateUnsupported } from './faults.ts';
import { formatPercent } from './percent-format.ts';
import type { BinaryOperator, CompareOperator } from './nodes.ts';
import { checkedInteger, toFloat } from './numbers.ts';
import { isStr, plain, repeated } from './text.ts';
import { sumOfTexts } from './text-sum.ts';
import {
  asNumber,
  compare,
  Dict,
  equals,
  isNumber,
  iterate,
  refuseUndefined,
  same,
  Tuple,
  typeName,
  type Value,
} from './values.ts';

/** @throws TemplateFault where the two have no such operator */
export function binary(operator: BinaryOperator, left: Value, right: Value): Value {
  refuseUndefined(left);
  // Text writes an undefined value as nothing.
  if (!(operator === '%' && isStr(left))) refuseUndefined(right);
  if (isNumber(left) && isNumber(right)) return arithmetic(operator, asNumber(left), asNumber(right));
  switch (operator) {
    case '+':
      return added(left, right);
    case '*':
      return times(left, right) ?? times(right, left) ?? refuse(operator, left, right);
    case '%':
      return isStr(left) ? formatPercent(left, right) : refuse(operator, left, right);
    default:
      return refuse(operator, left, right);
  }
}

function refuse(operator: string, left: Value, right: Value): never {
  throw new TemplateFault(`a ${typeName(left)} and a ${typeName(right)} have no operator "${operator}"`);
}

function added(left: Value, right: Value): Value {
  if (isStr(left) && isStr(right)) return sumOfTexts(left, right);
  if (Array.isArray(left) && Array.isArray(right)) return joinLists(left, right);
  if (left instanceof Tuple && right instanceof Tuple) return new Tuple(joinLists(left.items, right.items));
  return refuse('+', left, right);
}

function joinLists(left: readonly Value[], right: readonly Value[]): Value[] {
  spend(left.length + right.length);
  return [...left, ...right];
}

/** A text or list, repeated; null where it is neither. */
function times(what: Value, count: Value): Value | null {
  if (typeof count !== 'bigint' && typeof count !== 'boolean') return null;
  const number = Number(count);
  if (isStr(what)) return plain(what) === '' ? what : repeated(what, number);
  const items = Array.isArray(what) ? what : what instanceof Tuple ? what.items : null;
  if (items === null) return null;
  const length = items.length * Math.max(0, number);
  if (length > MAX_TEXT) throw new TemplateOverrun('it makes a list that is too long');
  spend(length);
  const result = Array.from({ length }, (_, index) => items[index % items.length]!);
  return Array.isArray(what) ? result : new Tuple(result);
}

function arithmetic(operator: BinaryOperator, left: bigint | number, right: bigint | number): Value {
  if (typeof left === 'bigint' && typeof right === 'bigint') return integers(operator, left, right);
  const [a, b] = [typeof left === 'bigint' ? toFloat(left) : left, typeof right === 'bigint' ? toFloat(right) : right];
  return floats(operator, a, b);
}

function integers(operator: BinaryOperator, left: bigint, right: bigint): Value {
  if (right === 0n && (operator === '/' || operator === '//' || operator === '%')) divideByZero();
  switch (operator) {
    case '+':
      return checkedInteger(left + right);
    case '-':
      return checkedInteger(left - right);
    case '*':
      return checkedInteger(left * right);
    case '/':
      return quotient(left, right);
    case '//': {
      const whole = left / right;
      return left % right !== 0n && left < 0n !== right < 0n ? whole - 1n : whole;
    }
    case '%': {
      const rest = left % right;
      return rest !== 0n && rest < 0n !== right < 0n ? rest + right : rest;
    }
    default:
      return power(left, right);
  }
}

function quotient(left: bigint, right: bigint): number {
  const exact = BigInt(Number.MAX_SAFE_INTEGER);
  if ([left, right, -left, -right].some((value) => value > exact)) {
    throw new TemplateUnsupported('the division of integers of more than 53 bits');
  }
  return Number(left) / Number(right);
}

function power(base: bigint, exponent: bigint): Value {
  if (exponent < 0n) return floats('**', toFloat(base), toFloat(exponent));
  const size = BigInt((base < 0n ? -base : base).toString(2).length);
  if (size > 1n && (size - 1n) * exponent > MAX_INTEGER_BITS) {
    throw new TemplateFault('an integer has more than 4,300 digits');
  }
  spend(Number(size));
  if (size === 1n) return base === 0n ? BigInt(exponent === 0n) : base === 1n || exponent % 2n === 0n ? 1n : -1n;
  return checkedInteger(base ** exponent);
}

function floats(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return right === 0 ? divideByZero() : left / right;
    case '//':
      return flooredQuotient(left, right);
    case '%':
      return floatRest(left, right);
    default:
      return floatPower(left, right);
  }
}

function floatRest(left: number, right: number): number {
  if (right === 0) divideByZero();
  const rest = left % right;
  if (rest === 0) return right < 0 ? -0 : 0;
  return rest < 0 !== right < 0 ? rest + right : rest;
}

function flooredQuotient(left: number, right: number): number {
  if (right === 0) divideByZero();
  const rest = left % right;
  let whole = (left - rest) / right;
  if (rest !== 0 && rest < 0 !== right < 0) whole -= 1;
  if (whole === 0) return Object.is(left / right, -0) || left / right < 0 ? -0 : 0;
  const floor = Math.floor(whole);
  return whole - floor > 0.5 ? floor + 1 : floor;
}

function floatPower(left: number, right: number): number {
  if (left === 0 && right < 0) divideByZero();
  if (left < 0 && Number.isFinite(left) && Number.isFinite(right) && !Number.isInteger(right)) {
    throw new TemplateUnsupported('complex numbers');
  }
  // Python has 1 here, whatever the other one is.
  if (left === 1 || (left === -1 && !Number.isFinite(right) && !Number.isNaN(right))) return 1;
  const result = left ** right;
  if (!Number.isFinite(result) && Number.isFinite(left) && Number.isFinite(right)) {
    throw new TemplateFault('a power is too large for a float');
  }
  return result;
}

function divideByZero(): never {
  throw new TemplateFault('it divides by zero');
}

/** `-value` and `+value`. */
export function signed(operator: '-' | '+', value: Value): Value {
  refuseUndefined(value);
  if (!isNumber(value)) throw new TemplateFault(`a ${typeName(value)} has no sign`);
  const number = asNumber(value);
  return operator === '-' ? -number : number;
}

/** One comparison of a chain. */
export function compares(operator: CompareOperator, left: Value, right: Value): boolean {
  switch (operator) {
    case '==':
      return equals(left, right);
    case '!=':
      return !equals(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    default: {
      const order = compare(left, right);
      return operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0;
    }
  }
}

/** Python's `value in container`. */
export function contains(container: Value, value: Value): boolean {
  if (isStr(container)) {
    if (!isStr(value)) throw new TemplateFault(`a ${typeName(value)} is looked for in a text`);
    spend(plain(container).length / 16);
    return plain(container).includes(plain(value));
  }
  if (container instanceof Dict) return container.has(value);
  const items = iterate(container);
  for (let next = items.next(); !next.done; next = items.next()) if (same(next.value, value)) return true;
  return false;
}
