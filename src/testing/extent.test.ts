import { describe, expect, test } from 'vitest';
import { partOf } from './extent.ts';

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
