// Numbers as Python has them: an integer is a bigint, a float is a number.

import { MAX_INTEGER_BITS, spend } from './budget.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { WHITESPACE } from './whitespace.ts';

/** An integer that Python would print: longer ones it refuses. */
export function checkedInteger(value: bigint): bigint {
  if (value >= 1n << MAX_INTEGER_BITS || -value >= 1n << MAX_INTEGER_BITS) {
    throw new TemplateFault('an integer has more than 4,300 digits');
  }
  return value;
}

/** A literal, with its prefix and underscores. */
export function readInteger(text: string): bigint {
  if (text.length > 20_000) throw new TemplateFault('an integer has more than 4,300 digits');
  return checkedInteger(BigInt(text.replaceAll('_', '').toLowerCase()));
}

/** Python reads digits of every script. */
function refuseOtherDigits(text: string): void {
  if (/(?!\d)\p{Nd}/u.test(text)) throw new TemplateUnsupported('digits of other scripts');
}

const AROUND = `[${WHITESPACE}]*`;
const NUMBER = new RegExp(
  `^${AROUND}([+-]?(?:(?:\\d+(?:_\\d+)*)(?:\\.(?:\\d+(?:_\\d+)*)?)?|\\.\\d+(?:_\\d+)*)(?:e[+-]?\\d+(?:_\\d+)*)?)${AROUND}$`,
  'i',
);
const NOT_FINITE = new RegExp(`^${AROUND}([+-]?)(inf|infinity|nan)${AROUND}$`, 'i');

/** Python's `float(text)`; null where it raises ValueError. */
export function parseFloatText(text: string): number | null {
  refuseOtherDigits(text);
  spend(text.length);
  const number = NUMBER.exec(text);
  if (number) return Number(number[1]!.replaceAll('_', ''));
  const other = NOT_FINITE.exec(text);
  if (!other) return null;
  return other[2]!.toLowerCase() === 'nan' ? NaN : other[1] === '-' ? -Infinity : Infinity;
}

const PREFIXES: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 16: '0x' };

/** Python's `int(text, base)`; null where it raises ValueError. */
export function parseIntegerText(text: string, base: number): bigint | null {
  refuseOtherDigits(text);
  if (!(base === 0 || (base >= 2 && base <= 36))) return null;
  spend(text.length);
  const parts = new RegExp(`^${AROUND}([+-]?)([\\da-z_]+)${AROUND}$`, 'i').exec(text);
  if (!parts) return null;
  let digits = parts[2]!.toLowerCase();
  let radix = base;
  const prefixed = Object.entries(PREFIXES).find(([, prefix]) => digits.startsWith(prefix));
  if (prefixed && (base === 0 || base === Number(prefixed[0]))) {
    radix = Number(prefixed[0]);
    digits = digits.slice(2).replace(/^_/, '');
  } else if (base === 0) {
    if (/^0[\d_]*[1-9]/.test(digits)) return null;
    radix = 10;
  }
  if (!/^[^_]+(?:_[^_]+)*$/.test(digits)) return null;
  digits = digits.replaceAll('_', '');
  if (digits.length > 4300 && (radix & (radix - 1)) !== 0) return null;
  let value = 0n;
  if (radix === 10 && /^\d+$/.test(digits)) value = BigInt(digits);
  else {
    for (const digit of digits) {
      const one = Number.parseInt(digit, 36);
      if (!(one < radix)) return null;
      value = checkedInteger(value * BigInt(radix) + BigInt(one));
    }
  }
  return parts[1] === '-' ? -value : value;
}

/** A float as Python prints it: the shortest digits, an exponent below 1e-4 and from 1e16 on. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const [digits, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const sign = exponent < 0 ? '-' : '+';
    return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const fixed = Object.is(value, -0) ? '-0' : plainDigits(digits.replace('.', ''), exponent);
  return fixed.includes('.') ? fixed : `${fixed}.0`;
}

function plainDigits(signed: string, exponent: number): string {
  const sign = signed.startsWith('-') ? '-' : '';
  const digits = signed.slice(sign.length);
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.padEnd(exponent + 1, '0');
  const rest = whole.slice(exponent + 1);
  return sign + whole.slice(0, exponent + 1) + (rest === '' ? '' : `.${rest}`);
}

/** A finite float as the exact quotient of two integers; the divisor is a power of two. */
function exactly(value: number): [bigint, bigint] {
  let [numerator, denominator] = [value, 0];
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    denominator++;
  }
  return [BigInt(numerator), 1n << BigInt(denominator)];
}

/** A finite float's absolute value with so many decimals, ties to even: `toFixed` rounds ties up, and ends at 1e21. */
export function fixedDigits(value: number, decimals: number): string {
  if (decimals > 1000) throw new TemplateUnsupported('more than 1,000 decimals');
  const [numerator, denominator] = exactly(Math.abs(value));
  const scaled = roundedQuotient(numerator * 10n ** BigInt(decimals), denominator);
  const digits = String(scaled).padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** Python's `round(value, decimals)` of a float. */
export function roundFloat(value: number, decimals: number): number {
  if (!Number.isFinite(value) || decimals > 323) return value;
  if (decimals >= 0) return Number((value < 0 || Object.is(value, -0) ? '-' : '') + fixedDigits(value, decimals));
  if (decimals < -308) return value < 0 ? -0 : 0;
  const [numerator, denominator] = exactly(Math.abs(value));
  const unit = 10n ** BigInt(-decimals);
  const rounded = Number(roundedQuotient(numerator, denominator * unit) * unit);
  return value < 0 ? -rounded : rounded;
}

/** Python's `round(value, decimals)` of an integer. */
export function roundInteger(value: bigint, decimals: bigint): bigint {
  if (decimals >= 0n) return value;
  if (decimals < -5000n) return 0n;
  const unit = 10n ** -decimals;
  const rounded = roundedQuotient(value < 0n ? -value : value, unit) * unit;
  return value < 0n ? -rounded : rounded;
}

/** An integer as a float, as Python's `float(int)`. */
export function toFloat(value: bigint): number {
  const float = Number(value);
  if (!Number.isFinite(float)) throw new TemplateFault('an integer is too large for a float');
  return float;
}

/** A float cut to an integer, as Python's `int(float)`. */
export function truncated(value: number): bigint {
  if (!Number.isFinite(value)) throw new TemplateFault('a float is infinite or not a number, and gives no integer');
  return BigInt(Math.trunc(value));
}
