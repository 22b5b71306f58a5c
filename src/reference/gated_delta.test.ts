import { describe, expect, it } from 'vitest';
import { correctionStrength, gatedDelta, l2Norm, logDecay } from './gated_delta.ts';

const DIMS = { keyHeads: 1, valueHeads: 1, keyDim: 2, valueDim: 1, betaScale: 1 };

describe('the gated delta rule', () => {
  it('keeps a value under its key, and finds it again', () => {
    // Two keys at right angles; the second token asks for the value of the first.
    const inputs = { q: [0, 1, 3, 0], k: [2, 0, 0, 5], v: [7, 11], g: [0, 0], beta: [1, 1] };
    const { o, state } = gatedDelta(inputs, [0, 0], DIMS);
    expect(o[0]).toBeCloseTo(0, 9);
    expect(o[1]).toBeCloseTo(7 / Math.SQRT2, 5);
    expect([...state].map((value) => Math.round(value * 1e4) / 1e4)).toEqual([7, 11]);
  });

  it('corrects what is there already, after it has decayed', () => {
    const inputs = { q: [1, 0], k: [1, 0], v: [10], g: [Math.log(0.5)], beta: [0.25] };
    const { state } = gatedDelta(inputs, [8, 8], DIMS);
    // 8 decays to 4, and a quarter of the way to 10 is 5.5.
    expect(state[0]).toBeCloseTo(5.5, 4);
    expect(state[1]).toBeCloseTo(4, 9);
  });

  it('gives two value heads one key', () => {
    const dims = { ...DIMS, valueHeads: 2 };
    const inputs = { q: [1, 0], k: [1, 0], v: [3, 4], g: [0, 0], beta: [1, 1] };
    const { o } = gatedDelta(inputs, [0, 0, 0, 0], dims);
    expect(o[0]! / o[1]!).toBeCloseTo(0.75, 9);
  });
});

it('norms to length one, times a scale, and leaves zeros', () => {
  expect([...l2Norm([3, 4, 0, 0], 2, 10)].map((value) => Math.round(value * 1e4) / 1e4)).toEqual([6, 8, 0, 0]);
});

it('makes decays and strengths of what a projection gives', () => {
  expect(logDecay(0, 0, -2)).toBeCloseTo(-2 * Math.log(2), 12);
  expect(correctionStrength(0, 2)).toBe(1);
  expect(correctionStrength(100, 2)).toBeCloseTo(2, 12);
});
