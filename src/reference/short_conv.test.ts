import { expect, it } from 'vitest';
import { shortConv } from './short_conv.ts';

// By hand: one channel, two taps.

it('is a convolution of B times x, times C', () => {
  const u = [1, 10, 2, 3, 100, 4]; // B, C, x of two tokens: g is 2, then 12
  const { v, state } = shortConv({ u, weight: [0.5, 2], biases: [0, 0, 0, 1] }, [0, 0, 0, 0], 0);
  expect([...v]).toEqual([10 * (1 + 4), 100 * (1 + 1 + 24)]);
  expect([...state]).toEqual([2, 12, 0, 0]);
});

it('goes on from a state, and adds biases before it multiplies', () => {
  const { v, state } = shortConv({ u: [0, 0, 0], weight: [1, 10], biases: [2, 3, 5, 7] }, [0, 0, 0, 4], 4);
  expect([...v]).toEqual([3 * (7 + 4 + 100)]);
  expect([...state]).toEqual([10, 0, 0, 4]);
});
