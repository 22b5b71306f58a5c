import { expect, it } from 'vitest';
import { expectClose } from '../testing/close.ts';
import { geglu } from './geglu.ts';
import { gelu } from './gelu.ts';

it('knows gelu', () => {
  // x times the normal distribution function, from its published table of ten digits.
  expect(gelu(0)).toBe(0);
  expect(gelu(1)).toBeCloseTo(0.8413447461, 10);
  expect(gelu(-1)).toBeCloseTo(-0.1586552539, 10);
  expect(gelu(2)).toBeCloseTo(2 * 0.9772498681, 9);
  expect(gelu(-3)).toBeCloseTo(-3 * 0.0013498980316, 12);
  expect(gelu(-6) / (-6 * 9.8658764504e-10)).toBeCloseTo(1, 9);
  expect(gelu(50)).toBe(50);
  expect(Math.abs(gelu(-50))).toBeLessThan(1e-300);
});

it('is continuous where its two ways of computing meet, and odd but for x', () => {
  const joint = 2 * Math.SQRT2;
  for (const sign of [-1, 1]) {
    expect(gelu(sign * (joint - 1e-9)) / gelu(sign * (joint + 1e-9))).toBeCloseTo(1, 7);
  }
  for (const x of [0.3, 1.7, 2.8, 2.9, 5]) expect(gelu(x) + gelu(-x)).toBeCloseTo(x * (1 - (2 * gelu(-x)) / -x), 12);
});

it('knows geglu of interleaved rows', () => {
  expectClose(geglu([1, 4, 0, 7]), [4 * gelu(1), 0], { abs: 1e-14 });
});
