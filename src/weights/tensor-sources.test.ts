import { expect, it } from 'vitest';
import { safetensorsBytes, testTensor } from '../testing/checkpoints/test-checkpoint.ts';
import { memorySource } from './byte-source.ts';
import { Checkpoint } from './checkpoint.ts';
import { readSource, readStoredSource, sourceRows } from './tensor-sources.ts';

const values = Float32Array.from({ length: 24 }, (_, index) => index);
const open = () =>
  Checkpoint.open(memorySource({ 'model.safetensors': safetensorsBytes({ w: testTensor('F32', [2, 4, 3], values) }) }));
const W = { name: 'w', shape: [2, 4, 3] };

it('takes every so many rows, from the first on', async () => {
  const source = { ...W, rows: [1, 8] as const, every: 3 };
  expect(sourceRows(source)).toBe(3);
  expect([...(await readSource(await open(), source, 0, 3))]).toEqual([3, 4, 5, 12, 13, 14, 21, 22, 23]);
  expect([...(await readSource(await open(), source, 1, 2))]).toEqual([12, 13, 14]);
});

it('puts columns where they belong, beside zeros, and multiplies them', async () => {
  const source = { ...W, rows: [6, 8] as const, columns: [1, 5] as const, factor: 2 };
  expect([...(await readSource(await open(), source, 0, 2))]).toEqual([0, 36, 38, 40, 0, 0, 42, 44, 46, 0]);
});

it('takes elements for rows, whatever the shape', async () => {
  const source = { ...W, flat: true as const, factor: 10 };
  expect(sourceRows(source)).toBe(24);
  expect([...(await readSource(await open(), source, 5, 9))]).toEqual([50, 60, 70, 80]);
});

it('passes no stored bytes through where rows are put together anew', async () => {
  const checkpoint = await Checkpoint.open(
    memorySource({ 'model.safetensors': safetensorsBytes({ w: testTensor('F8_E4M3', [2, 4], new Float32Array(8)) }) }),
  );
  const stored = { name: 'w', shape: [2, 4] };
  expect(await readStoredSource(checkpoint, stored, 'fp8', 0, 2)).not.toBeNull();
  for (const other of [{ every: 2 }, { columns: [0, 8] as const }, { flat: true as const }]) {
    expect(await readStoredSource(checkpoint, { ...stored, ...other }, 'fp8', 0, 1)).toBeNull();
  }
});
