import { describe, expect, it } from 'vitest';
import { expectClose } from '../testing/close.ts';
import { moe, moeRoute } from './moe.ts';
import { silu } from './silu.ts';

// Values worked out by hand; f64 leaves them within a few ulp.
const HAND = { abs: 1e-14 };

describe('moeRoute', () => {
  it('takes the largest logits, the first of equal ones, and weights them by softmax over these alone', () => {
    const { experts, shares } = moeRoute([0, Math.log(3), -9, Math.log(3), Math.log(2)], 3);
    expect(experts).toEqual([1, 3, 4]);
    expectClose(shares, [3 / 8, 3 / 8, 2 / 8], HAND);
    expect(moeRoute([7, 7, 7], 2).experts).toEqual([0, 1]);
  });

  it('weights by softmax over all, or by sigmoids with their sum as divisor', () => {
    const logits = [Math.log(2), 0, Math.log(5), Math.log(2)];
    const softmax = { scores: 'softmax', sumEps: null, scale: 1, groups: 1, keptGroups: 1 } as const;
    expectClose(moeRoute(logits, 2, softmax).shares, [0.5, 0.2], HAND);
    const sigmoids = { ...softmax, scores: 'sigmoid', sumEps: 0.5, scale: 3 } as const;
    // Sigmoids are 2/3, 1/2, 5/6 and 2/3; the bias chooses the second first, and is no part of its weight.
    const { experts, shares } = moeRoute(logits, 2, sigmoids, [0, 9, 0, 0]);
    expect(experts).toEqual([1, 2]);
    expectClose(shares, [(3 * 0.5) / (4 / 3 + 0.5), (3 * (5 / 6)) / (4 / 3 + 0.5)], HAND);
  });

  it('chooses from the groups whose two best are most', () => {
    const routing = { scores: 'sigmoid', sumEps: null, scale: 1, groups: 2, keptGroups: 1 } as const;
    expect(moeRoute([9, -9, 2, 3], 2, routing).experts).toEqual([3, 2]);
  });

  it('does not overflow', () => {
    expectClose(moeRoute([1e4, 1e4 - Math.log(3), -1e4], 2).shares, [0.75, 0.25], { abs: 1e-12 });
    expect([...moeRoute([1e4, -1e4], 2).shares]).toEqual([1, 0]);
  });
});

describe('moe', () => {
  it('adds the chosen experts, each by its share', () => {
    // C = 1, F = 1, three experts that multiply by 1, 10 and 100 after a gate of 1 and an up of 2.
    const experts = { router: [0, 1, -1], first: [1, 2, 1, 2, 1, 2], down: [1, 10, 100], topK: 2 };
    // Of n = ln 3 the logits are 0, ln 3, -ln 3: experts 1 and 0 with shares 3/4 and 1/4.
    const n = Math.log(3);
    const inner = silu(n) * 2 * n;
    expectClose(moe([n], experts, 1), [0.75 * 10 * inner + 0.25 * inner], HAND);
  });

  it('has experts of squared ReLU without gates, and of another width than the router', () => {
    // The router reads n, of two columns; the experts read and write one.
    const experts = { router: [1, 0, -1, 0], first: [2, 5], down: [3, 7], topK: 1, ungated: true } as const;
    expectClose(moe([9, 1, -9, 1], experts, 2, [0.5, -0.5]), [3 * 1, 0], HAND);
    expectClose(moe([-9, 1], experts, 2, [2]), [7 * 100], HAND);
  });

  it('is the one expert where there is one, and routes tokens apart', () => {
    const one = { router: [5], first: [1, 1], down: [2], topK: 1 };
    expectClose(moe([1, 2], one, 1), [2 * silu(1), 4 * silu(2)], HAND);
    const two = { router: [1, -1], first: [1, 1, 1, 1], down: [1, 10], topK: 1 };
    expectClose(moe([1, -1], two, 1), [silu(1), -10 * silu(-1)], HAND);
  });
});
