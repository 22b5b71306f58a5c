import { describe, expect, it } from 'vitest';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { normed, toNorm } from './to_norm.ts';
import { rmsNorm } from './rms_norm.ts';

describe('toNorm', () => {
  it('weighs the vector and sums its squares, before they are weighed', () => {
    const { h, squares } = toNorm([1, -2, 3, 4, 5], [2, 3, 0, 1, -1], 4);
    expect([...h]).toEqual([2, -6, 0, 4, -5]);
    expect([...squares]).toEqual([1 + 4 + 9 + 16, 25]);
    expect([...toNorm([1, 2, 3], [1, 1, 1], 3).squares]).toEqual([14]);
    expect([...toNorm([1, 2, 3], [1, 1, 1], 1).squares]).toEqual([1, 4, 9]);
  });

  it('takes one row', () => {
    expect(() => toNorm([1, 2, 3, 4], [1, 1], 4)).toThrow('not one row of 2');
    expect(() => toNorm([1, 2, 3], [1, 1], 4)).toThrow('no rows of 2');
  });
});

describe('normed', () => {
  it('divides by the root mean square', () => {
    // (9 + 16) / 2 = 12.5; with eps 12.5 the root is 5.
    expectClose(normed({ h: Float64Array.of(3, 40), squares: Float64Array.of(9, 16) }, 12.5), [0.6, 8], { abs: 1e-14 });
  });

  it('makes an RMSNorm of what goes to one, however the squares are summed', () => {
    const [x, weight] = [randomTensor(1, 37), randomTensor(2, 37)];
    for (const span of [1, 4, 16, 37]) {
      expectClose(normed(toNorm(x, weight, span), 1e-5), rmsNorm(x, weight, 1e-5), { abs: 1e-14 });
    }
  });
});
