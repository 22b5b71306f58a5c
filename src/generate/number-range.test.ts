import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Automaton, type Place } from './automaton.ts';
import type { Expression } from './grammar.ts';
import { decimalRange, integerRange, multiplesRange } from './number-range.ts';

/** Whether a text is one of a grammar's; of no grammar, none is. */
function matcher(expression: Expression | null): (text: string) => boolean {
  if (expression === null) return () => false;
  const { start } = new Automaton(expression);
  return (text) => {
    let place: Place | null = start;
    for (const byte of new TextEncoder().encode(text)) place = place?.next(byte) ?? null;
    return place?.complete ?? false;
  };
}

const bound = () => fc.integer({ min: -1500, max: 1500 });

describe('ranges of numbers', () => {
  test('have the integers within the bounds, each in one spelling', () => {
    fc.assert(
      fc.property(bound(), bound(), (min, max) => {
        const range = matcher(integerRange(BigInt(min), BigInt(max)));
        for (let value = -1600; value <= 1600; value++) {
          if (range(String(value)) !== (value >= min && value <= max)) throw new Error(`${value} is wrong.`);
        }
        for (const other of ['', '-', '-0', '00', '01', '-01', '1.', '٣']) expect(range(other)).toBe(false);
      }),
    );
  });

  test('have the decimals within the bounds', () => {
    fc.assert(
      fc.property(bound(), bound(), fc.constantFrom(1, 2), (min, max, decimals) => {
        const range = matcher(decimalRange(BigInt(min), BigInt(max), decimals));
        for (let value = -1600; value <= 1600; value++) {
          const text = (value / 10 ** decimals).toFixed(decimals);
          if (range(text) !== (value >= min && value <= max)) throw new Error(`${text} is wrong.`);
        }
        expect(range((0).toFixed(decimals + 1))).toBe(false);
        expect(range(`-${(0).toFixed(decimals)}`)).toBe(false);
      }),
    );
  });

  test('have the multiples of a number within the bounds', () => {
    fc.assert(
      fc.property(
        bound(),
        bound(),
        fc.integer({ min: 1, max: 130 }),
        fc.constantFrom(0, 2),
        (min, max, of, decimals) => {
          const range = matcher(multiplesRange(BigInt(min), BigInt(max), BigInt(of), decimals));
          for (let value = -1600; value <= 1600; value++) {
            const text = (value / 10 ** decimals).toFixed(decimals);
            const expected = value >= min && value <= max && value % of === 0;
            if (range(text) !== expected) throw new Error(`${text} is wrong for ${of} in ${min} to ${max}.`);
          }
          for (const other of ['', '-', '-0', '00', '01', '.00', '0.0']) expect(range(other)).toBe(false);
        },
      ),
    );
  });

  test('reach as far as integers are exact', () => {
    const most = BigInt(Number.MAX_SAFE_INTEGER);
    const range = matcher(integerRange(-most, most));
    for (const value of [0n, most, -most, most / 3n]) expect(range(String(value))).toBe(true);
    for (const value of [most + 1n, -most - 1n, most * 10n]) expect(range(String(value))).toBe(false);
  });
});
