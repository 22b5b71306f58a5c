import { expect, it } from 'vitest';
import { rgLru } from './rg_lru.ts';
import { sigmoid } from './sigmoid.ts';

// By hand: gates of one half, where their matrices and biases are zero.

const HALF = { gates: [0, 0], vectors: [0, 0, 0] };

it('takes the first token as it is, and lets later ones decay what is there', () => {
  const { y, state } = rgLru([6, 10], HALF, [99], { heads: 1, position: 0 });
  const a = 0.5 ** 4; // exp(-8 * 0.5 * log 2)
  expect(y[0]).toBe(3);
  expect(y[1]).toBeCloseTo(3 * a + 5 * Math.sqrt(1 - a * a), 12);
  expect(state[0]).toBe(y[1]);
});

it('goes on from a state where it is not the first', () => {
  expect(rgLru([0], HALF, [16], { heads: 1, position: 1 }).y[0]).toBeCloseTo(1, 12);
});

it('has a matrix for each head, a row for each input', () => {
  const gates = [1, 2, 3, 4, 5, 0, 0, 0, ...Array<number>(8).fill(0)];
  const vectors = Array<number>(12).fill(0);
  const { y } = rgLru([1, -1, 1, 0], { gates, vectors }, [0, 0, 0, 0], { heads: 2, position: 0 });
  expect([...y]).toEqual([sigmoid(1 - 3), -sigmoid(2 - 4), sigmoid(5), 0]);
});
