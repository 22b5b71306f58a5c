import { describe, expect, it } from 'vitest';
import { expectClose } from '../testing/close.ts';
import { activate, gated } from './activation.ts';
import { addBias } from './add_bias.ts';
import { attention } from './attention.ts';
import { clip } from './clip.ts';
import { geluTanh } from './gelu_tanh.ts';
import { gelu } from './gelu.ts';
import { headNorm } from './head_norm.ts';
import { layerNorm } from './layer_norm.ts';
import { softCap } from './soft_cap.ts';

// What transformers have besides Llama's block. Values worked out by hand; f64 leaves them within a few ulp.
const HAND = { abs: 1e-14 };

describe('elements', () => {
  it('get biases row by row', () => {
    expect([...addBias([1, 2, 3, 4], [10, 20])]).toEqual([11, 22, 13, 24]);
    expect(() => addBias([1, 2, 3], [1, 2])).toThrow('no rows of 2');
  });

  it('are clipped on both sides, and capped softly', () => {
    expect([...clip(Float64Array.of(-3, -1, 0.5, 9), 1)]).toEqual([-1, -1, 0.5, 1]);
    expectClose(softCap(Float64Array.of(0, 2 * Math.atanh(0.5), -1e9), 2), [0, 1, -2], HAND);
  });

  it('pass activations', () => {
    // tanh(sqrt(2 / pi) * (1 + 0.044715)) = tanh(0.83356)
    expectClose([geluTanh(1), geluTanh(0), geluTanh(-40)], [0.841_191_990_6, 0, 0], { abs: 1e-9 });
    // It is close to what it stands for.
    for (const x of [-3, -1, -0.1, 0.1, 1, 3]) expect(Math.abs(geluTanh(x) - gelu(x))).toBeLessThan(1e-3);
    expect([...activate(Float64Array.of(-2, 3), 'relu2')]).toEqual([0, 9]);
    expect([...gated([3, 2, -1, 5], 'relu2')]).toEqual([18, 0]);
    expectClose(gated([1, 10], 'gelu_tanh'), [8.411_919_906], { abs: 1e-8 });
  });
});

describe('norms', () => {
  it('take the mean out, divide by the deviation, and have a bias', () => {
    // Mean 5, variance 4; with eps 0 the root is 2.
    expectClose(layerNorm([3, 7], [1, 10], [0, 1], 0), [-1, 11], HAND);
  });

  it('of q and k leave v, over heads or whole widths', () => {
    // Two query heads and one key head of width 2: heads (3, 4) and (0, 1), key (6, 8), value (5, 5).
    const qkv = [3, 4, 0, 1, 6, 8, 5, 5];
    const dims = { heads: 2, kvHeads: 1, headDim: 2 };
    const root = Math.sqrt(12.5);
    const own = [3 / root, 4 / root, 0, Math.SQRT2, 12 / (2 * root), 16 / (2 * root), 5, 5];
    expectClose(headNorm(qkv, [1, 1, 2, 2], { ...dims, over: 'head' }, 0), own, HAND);
    // Together the query heads have a mean square of 26 / 4.
    const wide = Math.sqrt(6.5);
    const whole = [3 / wide, 4 / wide, 0, 10 / wide, 6 / (2 * root), 8 / (2 * root), 5, 5];
    expectClose(headNorm(qkv, [1, 1, 1, 10, 1, 1], { ...dims, over: 'width' }, 0), whole, HAND);
  });
});

describe('attention', () => {
  const dims = { heads: 1, kvHeads: 1, headDim: 1, scale: 1 };
  it('sees the latest keys alone where it has a window', () => {
    // Scores are 0, so that the answer is the mean of the values that are seen.
    const y = attention([0, 0], [1, 1, 1, 1], [8, 4, 2, 1], { ...dims, window: 2 }, 2);
    expectClose(y, [3, 1.5], HAND);
  });

  it('caps scores before their softmax', () => {
    // Scores 2 atanh(1/2) and 0 become 1 and 0.
    const y = attention([2 * Math.atanh(0.5)], [1, 0], [1, 0], { ...dims, scoreCap: 2 }, 1);
    expectClose(y, [Math.E / (Math.E + 1)], HAND);
  });

  it('gives a share to sinks, which have no value', () => {
    const y = attention([0], [1], [6], dims, 0, [Math.log(2)]);
    expectClose(y, [2], HAND);
  });
});
