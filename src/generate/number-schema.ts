import { choice, type Expression } from './grammar.ts';
import { INTEGER, MOST_DIGITS, NUMBER } from './json-text.ts';
import { decimalRange, integerRange, multiplesRange } from './number-range.ts';
import { invalid, readBound, readNumbers, readTexts, type SchemaObject } from './schema-keywords.ts';

/** Digits behind the point of a number with bounds, at least. */
const DECIMALS = 2;
/** Units that a multiple may have: each is a state of the automaton. */
const MOST_UNITS = 1000n;

/** The bounds of integers by OpenAPI's formats. */
const FORMATS: Readonly<Record<string, { minimum: number; maximum: number }>> = {
  int8: { minimum: -(2 ** 7), maximum: 2 ** 7 - 1 },
  uint8: { minimum: 0, maximum: 2 ** 8 - 1 },
  int16: { minimum: -(2 ** 15), maximum: 2 ** 15 - 1 },
  uint16: { minimum: 0, maximum: 2 ** 16 - 1 },
  int32: { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  uint32: { minimum: 0, maximum: 2 ** 32 - 1 },
  uint64: { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
};

/** An exact decimal: units of 10^-decimals. */
interface Decimal {
  units: bigint;
  decimals: number;
}

/** Bounds, both inclusive, in units of 10^-decimals; null for none. */
interface Range {
  min: bigint | null;
  max: bigint | null;
}

/** @throws BambaError `setting_invalid` */
export function numberExpression(type: 'integer' | 'number', given: SchemaObject, path: string): Expression {
  const fields = withFormat(given, path);
  const multiple = multipleOf(type, fields, path);
  const bounds = BOUNDS.flatMap((keyword) => readBound(fields, keyword, path) ?? []);
  if (bounds.length === 0 && !multiple) return type === 'integer' ? INTEGER : NUMBER;
  const expression = multiple
    ? multiples(multiple, fields, path)
    : ranges(type, fields, Math.max(DECIMALS, ...bounds.map((value) => decimalOf(value, path).decimals + 1)), path);
  if (!expression) throw invalid(path, `no ${type} is within the bounds`);
  return expression;
}

/** Whether a number is valid. @throws BambaError `setting_invalid` */
export function acceptsNumber(value: number, given: SchemaObject, path: string): boolean {
  const fields = withFormat(given, path);
  const [minimum, maximum, above, below] = BOUNDS.map((keyword) => readBound(fields, keyword, path));
  if (minimum !== undefined && value < minimum) return false;
  if (maximum !== undefined && value > maximum) return false;
  if (above !== undefined && value <= above) return false;
  if (below !== undefined && value >= below) return false;
  const multiple = multipleOf('number', fields, path);
  if (!multiple) return true;
  const { units, decimals } = decimalOf(value, path);
  const digits = Math.max(decimals, multiple.decimals);
  return scaled({ units, decimals }, digits) % scaled(multiple, digits) === 0n;
}

const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'];

function withFormat(fields: SchemaObject, path: string): SchemaObject {
  return readTexts(fields, 'format', path).reduce<SchemaObject>((bounded, name) => {
    if (!Object.hasOwn(FORMATS, name)) return bounded;
    const { minimum, maximum } = FORMATS[name]!;
    const least = readBound(bounded, 'minimum', path) ?? minimum;
    const most = readBound(bounded, 'maximum', path) ?? maximum;
    return { ...bounded, minimum: Math.max(least, minimum), maximum: Math.min(most, maximum) };
  }, fields);
}

function ranges(type: 'integer' | 'number', fields: SchemaObject, decimals: number, path: string): Expression | null {
  const unit = 10n ** BigInt(decimals);
  const { min, max } = closed(rangeOf(fields, decimals, path), 10n ** BigInt(MOST_DIGITS) * unit - 1n);
  const whole = integerRange(ceilDivide(min, unit), floorDivide(max, unit));
  return anyOf(type === 'integer' ? [whole] : [whole, decimalRange(min, max, decimals)]);
}

/** Multiples as integers, and where they have digits behind the point, with all of these. */
function multiples({ units, decimals }: Decimal, fields: SchemaObject, path: string): Expression | null {
  const unit = 10n ** BigInt(decimals);
  // All digits together are no more than are exact.
  const { min, max } = closed(rangeOf(fields, decimals, path), 10n ** BigInt(MOST_DIGITS) - 1n);
  const common = (units * unit) / greatestDivisor(units, unit);
  const whole = multiplesRange(ceilDivide(min, unit), floorDivide(max, unit), common / unit, 0);
  return anyOf(decimals === 0 ? [whole] : [whole, multiplesRange(min, max, units, decimals)]);
}

function anyOf(options: readonly (Expression | null)[]): Expression | null {
  const some = options.filter((expression) => expression !== null);
  return some.length === 0 ? null : choice(some);
}

/** The least number that is a multiple of all that are asked for; of an integer, a whole one. */
function multipleOf(type: 'integer' | 'number', fields: SchemaObject, path: string): Decimal | null {
  const given = readNumbers(fields, 'multipleOf', path).map((value) => {
    if (value <= 0) throw invalid(path, '"multipleOf" takes a number above 0');
    return decimalOf(value, path);
  });
  if (given.length === 0) return null;
  const all = type === 'integer' ? [...given, { units: 1n, decimals: 0 }] : given;
  const decimals = Math.max(...all.map((one) => one.decimals));
  const units = all.map((one) => scaled(one, decimals)).reduce((a, b) => (a * b) / greatestDivisor(a, b));
  const whole = units % 10n ** BigInt(decimals) === 0n;
  const multiple = whole ? { units: units / 10n ** BigInt(decimals), decimals: 0 } : { units, decimals };
  let counted = multiple.units;
  // Zeros at the end of an integer are no states.
  while (multiple.decimals === 0 && counted % 10n === 0n) counted /= 10n;
  if (counted > MOST_UNITS) {
    throw invalid(path, `multiples of ${given.map(textOf).join(' and ')} take more states than can be kept`);
  }
  return multiple;
}

function textOf({ units, decimals }: Decimal): string {
  return String(Number(units) / 10 ** decimals);
}

function rangeOf(fields: SchemaObject, decimals: number, path: string): Range {
  const bound = (keyword: string) => {
    const value = readBound(fields, keyword, path);
    return value === undefined ? null : decimalOf(value, path);
  };
  const [minimum, maximum, above, below] = BOUNDS.map(bound);
  const unit = (one: Decimal) => 10n ** BigInt(Math.max(0, one.decimals - decimals));
  const inner = (one: Decimal) => scaled(one, Math.max(one.decimals, decimals));
  const mins = [
    ...(minimum ? [ceilDivide(inner(minimum), unit(minimum))] : []),
    ...(above ? [floorDivide(inner(above), unit(above)) + 1n] : []),
  ];
  const maxs = [
    ...(maximum ? [floorDivide(inner(maximum), unit(maximum))] : []),
    ...(below ? [ceilDivide(inner(below), unit(below)) - 1n] : []),
  ];
  return {
    min: mins.length > 0 ? mins.reduce((a, b) => (b > a ? b : a)) : null,
    max: maxs.length > 0 ? maxs.reduce((a, b) => (b < a ? b : a)) : null,
  };
}

/** An open end reaches as far as numbers are exact, or to the other bound beyond. */
function closed({ min, max }: Range, limit: bigint): { min: bigint; max: bigint } {
  return {
    min: min ?? (max !== null && max < -limit ? max : -limit),
    max: max ?? (min !== null && min > limit ? min : limit),
  };
}

/** A number exactly, as its shortest digits say it. */
function decimalOf(value: number, path: string): Decimal {
  const [, sign, whole, behind = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!;
  const decimals = behind.length - Number(power);
  if (decimals > MOST_DIGITS || decimals < -400) throw invalid(path, `the number ${value} has too many digits`);
  const digits = BigInt(`${sign}${whole}${behind}`);
  return decimals < 0 ? { units: digits * 10n ** BigInt(-decimals), decimals: 0 } : { units: digits, decimals };
}

function scaled({ units, decimals }: Decimal, to: number): bigint {
  return units * 10n ** BigInt(to - decimals);
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestDivisor(b, a % b);
}

function floorDivide(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  return value < 0n && quotient * unit !== value ? quotient - 1n : quotient;
}

function ceilDivide(value: bigint, unit: bigint): bigint {
  return -floorDivide(-value, unit);
}
