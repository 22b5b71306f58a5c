import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALL, covering, partOf } from './extent.ts';

describe.each([1, 2, 3])('of %i variants', (count) => {
  const parts = Array.from({ length: count }, (_, variant) => partOf(variant, count));

  test.each([1, 2, 3, 5, 8])('each takes some of %i choices, and together they take all', (length) => {
    const choices = Array.from({ length }, (_, choice) => choice);
    for (const shift of [0, 1, 4]) {
      const shares = parts.map(({ share }) => share(choices, shift));
      for (const share of shares) expect(share).not.toHaveLength(0);
      // Where there are fewer choices than variants, and as many turns, every choice has its turn.
      expect([...new Set(shares.flat())].toSorted((a, b) => a - b)).toEqual(choices);
    }
  });

  test('one makes what is enough once', () => {
    expect(parts.filter(({ once }) => once)).toHaveLength(process.env['BAMBA_TEST_ALL'] === '1' ? count : 1);
  });
});

describe('covering', () => {
  const traits = fc.dictionary(fc.string(), fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')));

  test('takes choices that have every trait, and not more choices than traits', () => {
    fc.assert(
      fc.property(traits, (choices) => {
        const taken = covering(choices, (own) => own);
        const all = new Set(Object.values(choices).flat());
        expect(new Set(taken.flatMap(([, own]) => own))).toEqual(all);
        expect(taken.length).toBeLessThanOrEqual(ALL ? Object.keys(choices).length : all.size);
      }),
    );
  });

  test('takes those first that have most', () => {
    const choices = { some: ['a'], most: ['a', 'b', 'c'], other: ['c', 'b'], alone: ['d'] };
    const taken = covering(choices, (own) => own).map(([name]) => name);
    expect(taken).toEqual(ALL ? Object.keys(choices) : ['most', 'alone']);
  });
});
