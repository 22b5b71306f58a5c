// Ranges of numbers as grammars, exactly: which digits may come depends on the digits before.

import { byte, choice, type Expression, type MachineStep, repeat, sequence, text } from './grammar.ts';

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

/**
 * The multiples of a number from `min` to `max`, as integers or with exactly `decimals` digits behind the point.
 * @param min @param max @param of in units of the last digit; `of` is a positive number
 */
export function multiplesRange(min: bigint, max: bigint, of: bigint, decimals: number): Expression | null {
  const natural = (from: bigint, to: bigint): Expression | null => {
    const [first, last] = [((from + of - 1n) / of) * of, (to / of) * of];
    if (first > last) return null;
    if (of === 1n) return decimals === 0 ? naturalRange(first, last) : decimalsRange(first, last, decimals);
    if (decimals > 0 || of % 10n !== 0n) return { kind: 'machine', states: multiplesSteps(first, last, of, decimals) };
    // The zeros at the end need no counting.
    const tens = natural10(first, last, of);
    return first === 0n ? choice([text('0'), ...(tens ? [tens] : [])]) : tens;
  };
  const natural10 = (first: bigint, last: bigint, step: bigint): Expression | null => {
    const least = first === 0n ? step : first;
    if (least > last) return null;
    const rest = multiplesRange(least / 10n, last / 10n, step / 10n, 0);
    return rest && sequence(rest, text('0'));
  };
  return signed(min, max, natural);
}

/** The rest of a number that is being written. */
interface Digits {
  /** Digits that are to come. */
  left: number;
  /** Their lower and upper bounds; null where the digits before leave them free. */
  low: string | null;
  high: string | null;
  /** The remainder of the digits before. */
  rest: bigint;
}

/** The states of a number that is written digit by digit: the remainder so far, and whether the bounds still bind. */
function multiplesSteps(min: bigint, max: bigint, of: bigint, decimals: number): MachineStep[] {
  const ids = new Map<string, number>();
  const found: Digits[] = [];
  const idOf = (state: Digits): number => {
    const key = [state.left, state.low, state.high, state.rest].join();
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, found.length);
    return found.push(state) - 1;
  };
  const stepsOf = ({ left, low, high, rest }: Digits, start: boolean) => {
    const from = low === null ? 0 : Number(low[0]);
    const to = high === null ? 9 : Number(high[0]);
    const point = left === decimals && !start;
    return Array.from({ length: to - from + 1 }, (_, index) => {
      const value = from + index;
      const next = {
        left: left - 1,
        low: low !== null && value === from && !/^.0*$/.test(low) ? low.slice(1) : null,
        high: high !== null && value === to && !/^.9*$/.test(high) ? high.slice(1) : null,
        rest: (rest * 10n + BigInt(value)) % of,
      };
      return { by: point ? sequence(text('.'), digit(value)) : digit(value), to: idOf(next) };
    });
  };
  const starts: Digits[] = [];
  for (
    let left = Math.max(decimals + 1, String(min).length);
    left <= String(max).length || left === decimals + 1;
    left++
  ) {
    const shortest = left === decimals + 1 ? 0n : 10n ** BigInt(left - 1);
    const longest = 10n ** BigInt(left) - 1n;
    const [low, high] = [min > shortest ? min : shortest, max < longest ? max : longest];
    starts.push({ left, low: padded(low, left), high: padded(high, left), rest: 0n });
  }
  idOf({ left: -1, low: null, high: null, rest: 0n }); // the start, which has all lengths before it
  const steps: MachineStep[] = [{ ends: false, next: starts.flatMap((state) => stepsOf(state, true)) }];
  for (let id = 1; id < found.length; id++) {
    const state = found[id]!;
    steps.push({ ends: state.left === 0 && state.rest === 0n, next: state.left === 0 ? [] : stepsOf(state, false) });
  }
  return withoutDeadEnds(steps);
}

/** The same without steps after which no end can be reached; the start stays first. */
function withoutDeadEnds(steps: readonly MachineStep[]): MachineStep[] {
  const before: number[][] = steps.map(() => []);
  for (const [id, { next }] of steps.entries()) for (const { to } of next) before[to]!.push(id);
  const living = new Set([0]);
  const waiting = steps.flatMap(({ ends }, id) => (ends ? [id] : []));
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (living.has(id) && id !== 0) continue;
    living.add(id);
    waiting.push(...before[id]!);
  }
  const ids = new Map([...living].toSorted((a, b) => a - b).map((id, index) => [id, index]));
  return [...ids.keys()].map((id) => ({
    ends: steps[id]!.ends,
    next: steps[id]!.next.flatMap(({ by, to }) => (ids.has(to) ? [{ by, to: ids.get(to)! }] : [])),
  }));
}

function signed(min: bigint, max: bigint, natural: (min: bigint, max: bigint) => Expression | null): Expression | null {
  const least = max < 0n ? -max : 1n; // there is no -0
  const negative = least <= -min ? natural(least, -min) : null;
  const first = min > 0n ? min : 0n;
  const positive = first <= max ? natural(first, max) : null;
  const choices = [...(negative ? [sequence(text('-'), negative)] : []), ...(positive ? [positive] : [])];
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
