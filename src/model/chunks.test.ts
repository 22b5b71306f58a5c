import { expect, test } from 'vitest';
import { chunksOf } from './chunks.ts';

test('passes end where they are full, and at cuts', () => {
  expect(chunksOf(0, 4)).toEqual([]);
  expect(chunksOf(10, 4)).toEqual([
    [0, 4],
    [4, 8],
    [8, 10],
  ]);
  expect(chunksOf(10, 4, [0, 4, 5, 10, 12])).toEqual([
    [0, 4],
    [4, 5],
    [5, 9],
    [9, 10],
  ]);
});
