// Ranges of numbers as grammars, exactly: which digits may come depends on the digits before.

import { byte, choice, type Expression, repeat, sequence, text } from './grammar.ts';

/** The integers from `min` to `max`, without leading zeros; null where there are none. */
export function integerRange(min: bigint, max: bigint): Expression | null {
  return signed(min, max, naturalRange);
}

/**
 * Numbers with exactly `decimals` digits behind the point, at least one.
 * @param min @param max in units of the last digit
 */
export function decimalRange(min: bigint, max: bigint, decimals: number): Expression | null {
  return signed(min, max, (from, to) => decimalsRange(from, to, decimals));
}

function signed(min: bigint, max: bigint, natural: (min: bigint, max: bigint) => Expression): Expression | null {
  const choices: Expression[] = [];
  const least = max < 0n ? -max : 1n; // there is no -0
  if (least <= -min) choices.push(sequence(text('-'), natural(least, -min)));
  const first = min > 0n ? min : 0n;
  if (first <= max) choices.push(natural(first, max));
  return choices.length === 0 ? null : choice(choices);
}

/** By the parts before the point: the first of them, those between, the last. */
function decimalsRange(min: bigint, max: bigint, decimals: number): Expression {
  const unit = 10n ** BigInt(decimals);
  const [first, last] = [min / unit, max / unit];
  const behind = (from: bigint, to: bigint) => digitsRange(padded(from, decimals), padded(to, decimals));
  if (first === last) return sequence(text(`${first}.`), behind(min % unit, max % unit));
  const between =
    first + 1n < last ? [sequence(naturalRange(first + 1n, last - 1n), text('.'), anyDigits(decimals))] : [];
  return choice([
    sequence(text(`${first}.`), behind(min % unit, unit - 1n)),
    ...between,
    sequence(text(`${last}.`), behind(0n, max % unit)),
  ]);
}

/** By the count of digits. */
function naturalRange(min: bigint, max: bigint): Expression {
  const choices: Expression[] = [];
  for (let from = min; from <= max;) {
    const largest = 10n ** BigInt(from.toString().length) - 1n;
    choices.push(digitsRange(from.toString(), (max < largest ? max : largest).toString()));
    from = largest + 1n;
  }
  return choice(choices);
}

/** Strings of digits from one to another of the same length. */
function digitsRange(from: string, to: string): Expression {
  if (from === to) return text(from);
  const [low, high] = [Number(from[0]), Number(to[0])];
  const [lowRest, highRest] = [from.slice(1), to.slice(1)];
  if (low === high) return sequence(digit(low), digitsRange(lowRest, highRest));
  const count = lowRest.length;
  // The first digits that leave all others free stand in the middle.
  const freeLow = /^0*$/.test(lowRest) ? low : low + 1;
  const freeHigh = /^9*$/.test(highRest) ? high : high - 1;
  const choices: Expression[] = [];
  if (freeLow > low) choices.push(sequence(digit(low), digitsRange(lowRest, '9'.repeat(count))));
  if (freeLow <= freeHigh) choices.push(sequence(digit(freeLow, freeHigh), anyDigits(count)));
  if (freeHigh < high) choices.push(sequence(digit(high), digitsRange('0'.repeat(count), highRest)));
  return choice(choices);
}

function digit(low: number, high = low): Expression {
  return byte(0x30 + low, 0x30 + high);
}

function anyDigits(count: number): Expression {
  return repeat(digit(0, 9), count, count);
}

function padded(value: bigint, digits: number): string {
  return value.toString().padStart(digits, '0');
}
