import { describe, expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import { safetensorsBytes, testTensor, type TestTensors } from '../../testing/checkpoints/test-checkpoint.ts';
import { memorySource } from '../byte-source.ts';
import { Checkpoint } from '../checkpoint.ts';
import type { Packing } from './packed-tensors.ts';

// Matrices are packed here as the tools that write them do, out of numbers, scales and zero points that are known.

const [ROWS, COLUMNS] = [16, 64];

/** A matrix of numbers of so many bits with groups of columns, and what it stands for. */
interface Known {
  bits: 4 | 8;
  groups: number;
  /** (rows, columns), 0 and more. */
  numbers: number[];
  /** (rows, groups) */
  scales: number[];
  zeros: number[];
  groupOf: number[];
  columns: number;
}

function known({ bits = 4, groups = 2, columns = COLUMNS, symmetric = false, shuffled = false } = {}): Known {
  // A generator of numbers that all tests share: small, and the same everywhere.
  let state = bits * 1000 + groups * 10 + columns;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const most = 2 ** bits;
  const groupOf = Array.from({ length: columns }, (_, column) => Math.floor((column * groups) / columns));
  return {
    bits: bits as 4 | 8,
    groups,
    columns,
    numbers: Array.from({ length: ROWS * columns }, () => next(most)),
    // Values that f16 and bf16 hold.
    scales: Array.from({ length: ROWS * groups }, () => (1 + next(100)) / 128),
    zeros: Array.from({ length: ROWS * groups }, () => (symmetric ? most / 2 : 1 + next(most - 1))),
    groupOf: shuffled ? groupOf.toReversed() : groupOf,
  };
}

function values({ numbers, scales, zeros, groups, groupOf, columns }: Known): number[] {
  return numbers.map((number, at) => {
    const row = Math.floor(at / columns);
    const group = row * groups + groupOf[at % columns]!;
    return scales[group]! * (number - zeros[group]!);
  });
}

/** Numbers of each row into words, each at the place that `place` says. */
function words(rows: number[][], bits: number, place: (index: number) => number = (index) => index): Uint8Array {
  const inWord = 32 / bits;
  const packed = rows.map((row) => {
    const out = new Uint32Array(Math.ceil(row.length / inWord));
    for (const [index, number] of row.entries()) {
      const at = Math.floor(index / inWord);
      out[at] = (out[at]! | (number << (bits * place(index % inWord)))) >>> 0;
    }
    return out;
  });
  return new Uint8Array(Uint32Array.from(packed.flatMap((row) => [...row])).buffer);
}

function table(list: number[], width: number): number[][] {
  return Array.from({ length: list.length / width }, (_, row) => list.slice(row * width, (row + 1) * width));
}

function transposed(rows: number[][]): number[][] {
  return rows[0]!.map((_, column) => rows.map((row) => row[column]!));
}

const i32 = (shape: number[], data: Uint8Array) => ({ dtype: 'I32', shape, data });
const index = (list: number[]) => i32([list.length], new Uint8Array(Int32Array.from(list).buffer));

function compressed(matrix: Known, { symmetric = false, ordered = true } = {}): TestTensors {
  const { bits, groups, columns } = matrix;
  const inWord = 32 / bits;
  // Numbers and zero points are signed there, and are packed with 2^(bits - 1) added to both.
  return {
    'a.weight_packed': i32([ROWS, Math.ceil(columns / inWord)], words(table(matrix.numbers, columns), bits)),
    'a.weight_scale': testTensor('BF16', [ROWS, groups], matrix.scales),
    ...(!symmetric && {
      'a.weight_zero_point': i32(
        [ROWS / inWord, groups],
        new Uint8Array(
          Uint32Array.from(
            transposed(
              table([...new Uint32Array(words(transposed(table(matrix.zeros, groups)), bits).buffer)], ROWS / inWord),
            ).flat(),
          ).buffer,
        ),
      ),
    }),
    ...(!ordered && { 'a.weight_g_idx': index(matrix.groupOf) }),
  };
}

function gptq(matrix: Known, offset: number): TestTensors {
  const { bits, groups, columns } = matrix;
  const inWord = 32 / bits;
  const down = words(table(matrix.numbers, columns), bits);
  const turned = transposed(table([...new Uint32Array(down.buffer)], columns / inWord)).flat();
  const zeros = transposed(table(matrix.zeros, groups)).map((row) => row.map((zero) => zero - offset));
  return {
    'a.qweight': i32([columns / inWord, ROWS], new Uint8Array(Uint32Array.from(turned).buffer)),
    'a.qzeros': i32([groups, ROWS / inWord], words(zeros, bits)),
    'a.scales': testTensor('F16', [groups, ROWS], transposed(table(matrix.scales, groups)).flat()),
    'a.g_idx': index(matrix.groupOf),
  };
}

function awq(matrix: Known): TestTensors {
  const { groups, columns } = matrix;
  // Row 2 goes where row 1 would, row 4 where row 2 would, and so on.
  const place = (row: number) => [0, 2, 4, 6, 1, 3, 5, 7].indexOf(row);
  return {
    'a.qweight': i32([columns, ROWS / 8], words(transposed(table(matrix.numbers, columns)), 4, place)),
    'a.qzeros': i32([groups, ROWS / 8], words(transposed(table(matrix.zeros, groups)), 4, place)),
    'a.scales': testTensor('F16', [groups, ROWS], transposed(table(matrix.scales, groups)).flat()),
  };
}

const open = (tensors: TestTensors, packing: Partial<Packing> = {}) =>
  Checkpoint.open(memorySource({ 'model.safetensors': safetensorsBytes(tensors) }), undefined, {
    packing: { method: 'compressed', bits: [4, 8], zeroOffset: 0, ...packing },
  });

async function expectValues(tensors: TestTensors, packing: Partial<Packing>, matrix: Known): Promise<void> {
  const checkpoint = await open(tensors, packing);
  checkpoint.require('a.weight', [ROWS, matrix.columns]);
  const expected = Float32Array.from(values(matrix));
  expect(await checkpoint.readRows('a.weight', 0, ROWS)).toEqual(expected);
  expect(await checkpoint.readRows('a.weight', 5, 9)).toEqual(expected.slice(5 * matrix.columns, 9 * matrix.columns));
}

describe('packed matrices', () => {
  it.each([
    { bits: 4, groups: 2 },
    { bits: 8, groups: 4 },
    { bits: 4, groups: 1 },
    { bits: 4, groups: 1, columns: 36 },
    { bits: 4, groups: 2, shuffled: true },
  ])('are read as compressed-tensors writes them, with zero points: %j', async (choice) => {
    const matrix = known(choice);
    await expectValues(compressed(matrix, { ordered: choice.shuffled !== true }), { method: 'compressed' }, matrix);
  });

  it.each([
    { bits: 4, groups: 2 },
    { bits: 4, groups: 1, columns: 33 },
    { bits: 8, groups: 1 },
  ])('are read as compressed-tensors writes them, without: %j', async (choice) => {
    const matrix = known({ ...choice, symmetric: true });
    await expectValues(compressed(matrix, { symmetric: true }), { method: 'compressed' }, matrix);
  });

  it.each([
    { bits: 4, groups: 2 },
    { bits: 8, groups: 2 },
    { bits: 4, groups: 2, shuffled: true },
  ])('are read as GPTQ writes them: %j', async (choice) => {
    const matrix = known(choice);
    await expectValues(gptq(matrix, 1), { method: 'gptq', zeroOffset: 1 }, matrix);
    await expectValues(gptq(matrix, 0), { method: 'gptq', zeroOffset: 0 }, matrix);
  });

  it('are read as AWQ writes them', async () => {
    const matrix = known({ groups: 4 });
    await expectValues(awq(matrix), { method: 'awq', bits: [4] }, matrix);
  });

  const good = known();
  const without = (tensors: TestTensors, name: string) => {
    const { [name]: _, ...rest } = tensors;
    return rest;
  };
  it.each<[string, TestTensors, Partial<Packing>, number[], RegExp]>([
    [
      'words of another shape',
      compressed(good),
      {},
      [ROWS, 40],
      /a\.weight_packed has shape \[16, 8\], but by config\.json/,
    ],
    ['a vector', compressed(good), {}, [ROWS], /a\.weight_packed holds packed numbers, but/],
    ['no scales', without(compressed(good), 'a.weight_scale'), {}, [ROWS, 64], /a\.weight_packed has no scales/],
    [
      'scales of another shape',
      { ...compressed(good), 'a.weight_scale': testTensor('F32', [ROWS, 3], Array<number>(48).fill(1)) },
      {},
      [ROWS, 64],
      /a\.weight_scale has shape \[16, 3\]/,
    ],
    [
      'zero points of another shape',
      { ...compressed(good), 'a.weight_zero_point': i32([1, 2], new Uint8Array(8)) },
      {},
      [ROWS, 64],
      /a\.weight_zero_point has type I32 and shape \[1, 2\], but it has to be I32 of \[2, 2\]/,
    ],
    [
      'no zero points',
      without(gptq(good, 1), 'a.qzeros'),
      { method: 'gptq' },
      [ROWS, 64],
      /qweight has no zero points/,
    ],
    [
      'groups of too few columns',
      { ...gptq(good, 1), 'a.g_idx': index([0, 1]) },
      { method: 'gptq' },
      [ROWS, 64],
      /a\.g_idx has to have a number of type I32 for each of the 64 columns/,
    ],
    [
      'words that are floats',
      { ...awq(good), 'a.qweight': testTensor('F32', [64, 2], Array<number>(128).fill(0)) },
      { method: 'awq', bits: [4] },
      [ROWS, 64],
      /a\.qweight has type F32/,
    ],
  ])('are refused with %s', async (_, tensors, packing, shape, message) => {
    const checkpoint = await open(tensors, packing);
    expect(() => checkpoint.require('a.weight', shape)).toThrow(
      expect.objectContaining({ code: 'checkpoint_invalid', message: expect.stringMatching(message) as string }),
    );
  });

  it.each([
    [
      'a group that is not there',
      { ...gptq(good, 1), 'a.g_idx': index(Array<number>(64).fill(7)) },
      /a\.g_idx names a group/,
    ],
    [
      'a scale that is infinite',
      { ...gptq(good, 1), 'a.scales': testTensor('F16', [2, ROWS], Array<number>(32).fill(1e9)) },
      /a\.scales holds a scale that is not finite/,
    ],
  ])('are refused with %s', async (_, tensors, message) => {
    const checkpoint = await open(tensors, { method: 'gptq', zeroOffset: 1 });
    checkpoint.require('a.weight', [ROWS, 64]);
    const fault: unknown = await checkpoint.readRows('a.weight', 0, 1).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(BambaError);
    expect((fault as BambaError).message).toMatch(message);
  });
});

describe('tensors of 8-bit integers', () => {
  const integers = new Uint8Array(Int8Array.from([1, -2, 127, -128, 5, 0, 3, -3]).buffer);
  const i8 = (shape: number[], data: Uint8Array) => ({ dtype: 'I8', shape, data });

  it('are multiplied by the scales of their rows, and kept as they are', async () => {
    const checkpoint = await open({
      'a.weight': i8([2, 4], integers),
      'a.weight_scale': testTensor('BF16', [2, 1], [0.5, 2]),
    });
    expect([...(await checkpoint.readRows('a.weight', 0, 2))]).toEqual([0.5, -1, 63.5, -64, 10, 0, 6, -6]);
    const stored = await checkpoint.readStoredRows('a.weight', 'int8', 1, 2);
    expect([...new Int8Array(stored!.bytes)]).toEqual([5, 0, 3, -3]);
    expect([...stored!.scales]).toEqual([2]);
    expect(await checkpoint.readStoredRows('a.weight', 'fp8', 1, 2)).toBeNull();
  });

  it('are taken from their zero points', async () => {
    const checkpoint = await open({
      'a.weight': i8([2, 4], integers),
      'a.weight_scale': testTensor('F32', [2, 1], [0.5, 2]),
      'a.weight_zero_point': i8([2, 1], new Uint8Array(Int8Array.from([1, -1]).buffer)),
    });
    expect([...(await checkpoint.readRows('a.weight', 0, 2))]).toEqual([0, -1.5, 63, -64.5, 12, 2, 8, -4]);
    expect(await checkpoint.readStoredRows('a.weight', 'int8', 0, 2)).toBeNull();
  });

  it('are refused without scales, and with other zero points', async () => {
    const bare = await open({ 'a.weight': i8([2, 4], integers) });
    expect(() => bare.require('a.weight', [2, 4])).toThrow(/a\.weight is I8 but has no a\.weight_scale/);
    const odd = await open({
      'a.weight': i8([2, 4], integers),
      'a.weight_scale': testTensor('F32', [2, 1], [0.5, 2]),
      'a.weight_zero_point': i8([2], new Uint8Array(2)),
    });
    await expect(odd.readRows('a.weight', 0, 1)).rejects.toThrow(/a\.weight_zero_point has type I8 and shape \[2\]/);
  });
});
