import { describe, expect, it } from 'vitest';
import { expectClose } from '../testing/close.ts';
import { add } from './add.ts';
import { attention } from './attention.ts';
import { conv1d, convColumns } from './conv1d.ts';
import { embed } from './embed.ts';
import { matmul } from './matmul.ts';
import { matvec } from './matvec.ts';
import { rmsNorm } from './rms_norm.ts';
import { rmsNormGated } from './rms_norm_gated.ts';
import { rope, ropeTable } from './rope.ts';
import { silu } from './silu.ts';
import { softplus, timeStep } from './softplus.ts';
import { swiglu } from './swiglu.ts';
import { at, rowCount } from './values.ts';

// Values worked out by hand; f64 leaves them within a few ulp.
const HAND = { abs: 1e-14 };

describe('shapes', () => {
  it('refuses elements beyond the end and rows that are not whole', () => {
    expect(() => at([1], 1)).toThrow('1 elements');
    expect(() => rowCount([1, 2, 3], 2)).toThrow('no rows of 2');
    expect(() => add([1], [1, 2])).toThrow('Cannot add');
    expect(() => embed([2], [1, 2], 1)).toThrow('Id 2');
  });
});

describe('linear algebra', () => {
  it('embeds rows, scaled', () => {
    expect([...embed([1, 0, 1], [1, 2, 3, 4], 2, 10)]).toEqual([30, 40, 10, 20, 30, 40]);
  });

  it('multiplies by the transposed weights', () => {
    const weights = [1, 2, 3, 4, 5, 6]; // (3, 2)
    expect([...matvec(weights, [10, 1])]).toEqual([12, 34, 56]);
    expect([...matmul([10, 1, 1, 0], weights, 2)]).toEqual([12, 34, 56, 1, 3, 5]);
    expect([...add([1, 2], [3, 5])]).toEqual([4, 7]);
  });
});

describe('norms', () => {
  it('divides by the root mean square', () => {
    // mean(9 + 16) = 12.5; with eps 12.5 the root is 5.
    expectClose(rmsNorm([3, 4], [1, 10], 12.5), [0.6, 8], HAND);
    // Row by row; a row of zeros stays zeros.
    expectClose(rmsNorm([0, 0, 3, 4], [1, 1], 12.5), [0, 0, 0.6, 0.8], HAND);
  });

  it('gates before it norms, each group apart', () => {
    const z = [0, 1, 2, 3];
    const y = [5, 2, 3, 4];
    const gated = y.map((value, i) => value * silu(z[i]!));
    const whole = rmsNormGated(y, z, [1, 1, 1, 2], { eps: 0, groups: 1 });
    const rms = Math.sqrt(gated.reduce((sum, value) => sum + value ** 2, 0) / 4);
    expectClose(whole, [gated[0]! / rms, gated[1]! / rms, gated[2]! / rms, (2 * gated[3]!) / rms], HAND);
    const halves = rmsNormGated(y, z, [1, 1, 1, 1], { eps: 0, groups: 2 });
    // Alone with a zero, the other channel of a group of two is sqrt(2).
    expectClose(halves.subarray(0, 2), [0, Math.SQRT2], HAND);
  });
});

describe('activations', () => {
  it('knows silu', () => {
    expect(silu(0)).toBe(0);
    expect(silu(Math.log(3))).toBeCloseTo(0.75 * Math.log(3), 14);
    expect(silu(-800)).toBeCloseTo(0, 14);
    expect(silu(800)).toBe(800);
  });

  it('knows swiglu of interleaved rows', () => {
    expectClose(swiglu([Math.log(3), 4, 0, 7]), [3 * Math.log(3), 0], HAND);
  });

  it('knows softplus, also far from zero', () => {
    expect(softplus(0)).toBe(Math.LN2);
    expect(softplus(Math.log(3))).toBeCloseTo(Math.log(4), 14);
    expect(softplus(1000)).toBe(1000);
    expect(softplus(-40) / Math.exp(-40)).toBeCloseTo(1, 14);
  });

  it('keeps dt within its limits', () => {
    expect(timeStep(0.5, -0.5, { lo: 0, hi: null })).toBe(Math.LN2);
    expect(timeStep(-9, 0, { lo: 0.001, hi: 0.1 })).toBe(0.001);
    expect(timeStep(9, 0, { lo: 0.001, hi: 0.1 })).toBe(0.1);
  });
});

describe('conv1d', () => {
  const weight = [1000, 100, 10, 1]; // one channel
  const bias = [50]; // so large that silu gives its argument back in f64

  it('multiplies the last tap with the token itself, zeros before the start', () => {
    const { v } = conv1d([1, 2, 3, 4, 5], weight, bias, [0, 0, 0, 0], 0);
    expectClose(v, [51, 62, 173, 1284, 2395], { abs: 1e-12 });
  });

  it('reads what came before from the ring, and leaves the last three columns in it', () => {
    for (const split of [0, 1, 2, 3, 4]) {
      const raw = [1, 2, 3, 4, 5];
      const first = conv1d(raw.slice(0, split), weight, bias, [0, 0, 0, 0], 0);
      const second = conv1d(raw.slice(split), weight, bias, first.state, split);
      expectClose([...first.v, ...second.v], [51, 62, 173, 1284, 2395], { abs: 1e-12 }, `split at ${split}`);
      expect([...convColumns(second.state, 5)]).toEqual([3, 4, 5]);
    }
  });

  it('keeps channels apart', () => {
    const two = conv1d([1, 100, 2, 200], [...weight, 0, 0, 0, 1], [50, 0], new Float64Array(8), 0);
    expectClose(two.v, [51, 100, 62, 200], { abs: 1e-12 });
    expect([...convColumns(two.state, 2)]).toEqual([0, 0, 1, 100, 2, 200]);
  });
});

describe('rope', () => {
  const embedding = { dims: 4, inverseFrequencies: [Math.PI / 2, Math.PI], attentionFactor: 2 };

  it('turns half-split pairs and leaves the rest of the head', () => {
    // Position 1: pair (0, 2) by 90 degrees, pair (1, 3) by 180, both times 2; dimensions 4 and 5 stay.
    const turned = rope([1, 2, 3, 4, 5, 6], embedding, { heads: 1, headDim: 6, position: 1 });
    expectClose(turned, [-6, -4, 2, -8, 5, 6], HAND);
    expect([...rope([1, 2], null, { heads: 1, headDim: 2, position: 7 })]).toEqual([1, 2]);
  });

  it('counts positions from the first token', () => {
    const two = rope([1, 2, 3, 4, 1, 2, 3, 4], embedding, { heads: 1, headDim: 4, position: 0 });
    expectClose(two, [2, 4, 6, 8, -6, -4, 2, -8], HAND);
    expectClose(ropeTable(embedding, 2), [2, 0, 2, 0, 0, 2, -2, 0], HAND);
  });
});

describe('attention', () => {
  it('weighs values by the softmax of scores over past and present', () => {
    // One head: scores of token 1 are ln 1 and ln 3, so weights 1/4 and 3/4.
    const keys = [0, Math.log(3)];
    const y = attention([1, 1], keys, [8, 4], { heads: 1, kvHeads: 1, headDim: 1, scale: 1 }, 0);
    expectClose(y, [8, 5], HAND);
    const later = attention([2], keys, [8, 4], { heads: 1, kvHeads: 1, headDim: 1, scale: 0.5 }, 1);
    expectClose(later, [5], HAND);
  });

  it('shares a KV head among neighbouring query heads', () => {
    const dims = { heads: 4, kvHeads: 2, headDim: 1, scale: 1 };
    expect([...attention([1, 2, 3, 4], [5, 6], [7, 8], dims, 0)]).toEqual([7, 7, 8, 8]);
  });

  it('survives scores that would overflow', () => {
    const dims = { heads: 1, kvHeads: 1, headDim: 1, scale: 1 };
    expectClose(attention([1000], [1000, 999.999], [1, 3], dims, 1), [1 + 2 / (1 + Math.E)], { abs: 1e-9 });
  });
});
