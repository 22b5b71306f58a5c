import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { memorySource } from './byte-source.ts';
import { Checkpoint } from './checkpoint.ts';
import { safetensorsBytes, testTensor, type TestTensors } from './test-checkpoint.ts';
import { AllocationMeter, MOST_ALLOCATED, mutate, mutations } from './test-mutations.ts';

const open = (tensors: TestTensors) =>
  Checkpoint.open(memorySource({ 'model.safetensors': safetensorsBytes(tensors) }));
const index = (map: Record<string, string>) => new TextEncoder().encode(JSON.stringify({ weight_map: map }));

describe('Checkpoint', () => {
  it.each(['F32', 'BF16', 'F16', 'F8_E4M3'] as const)(
    'reads rows of %s, also at odd offsets in the file',
    async (dtype) => {
      // A first tensor of one byte puts the second at an odd address.
      const checkpoint = await open({
        pad: { dtype: 'U8', shape: [1], data: new Uint8Array(1) },
        x: testTensor(dtype, [3, 1, 2], [0, 1, -2, 3.5, 448, -0.0625]),
      });
      expect([...(await checkpoint.readRows('x', 0, 3))]).toEqual([0, 1, -2, 3.5, 448, -0.0625]);
      expect([...(await checkpoint.readRows('x', 1, 2))]).toEqual([-2, 3.5]);
      expect(await checkpoint.readRows('x', 3, 3)).toHaveLength(0);
    },
  );

  it('reads a large tensor in pieces of bounded size', async () => {
    const values = Float32Array.from({ length: 3_000_000 }, (_, i) => i % 251);
    const source = memorySource({
      'model.safetensors': safetensorsBytes({ x: testTensor('BF16', [3000, 1000], values) }),
    });
    let largest = 0;
    const checkpoint = await Checkpoint.open({
      ...source,
      read: async (file, begin, end) => {
        largest = Math.max(largest, end - begin);
        return source.read(file, begin, end);
      },
    });
    const rows = await checkpoint.readRows('x', 1, 3000);
    expect(rows.every((value, i) => value === (i + 1000) % 251)).toBe(true);
    expect(largest).toBeLessThanOrEqual(4 * 2 ** 20);
  });

  it.each([
    ['a scalar', [], [0.5]],
    ['one element', [1], [0.5]],
    ['a row each', [2, 1], [0.5, 0.25]],
    ['a flat row each', [2], [0.5, 0.25]],
  ])('applies weight_scale of %s', async (_, shape, scale) => {
    const checkpoint = await open({
      'a.weight': testTensor('F8_E4M3', [2, 3], [1, 2, 3, 4, 5, 6]),
      'a.weight_scale': testTensor('BF16', shape, scale),
    });
    const second = scale[1] ?? 0.5;
    expect([...(await checkpoint.readRows('a.weight', 0, 2))]).toEqual([
      0.5,
      1,
      1.5,
      4 * second,
      5 * second,
      6 * second,
    ]);
    expect([...(await checkpoint.readRows('a.weight', 1, 2))]).toEqual([4 * second, 5 * second, 6 * second]);
    const stored = await checkpoint.readFp8Rows('a.weight', 1, 2);
    expect([...(stored?.scales ?? [])]).toEqual([second]);
    expect(stored?.bytes).toEqual(testTensor('F8_E4M3', [3], [4, 5, 6]).data);
  });

  it('reads F8 without scales as it is, where the checkpoint knows none', async () => {
    const checkpoint = await open({ x: testTensor('F8_E4M3', [1, 2], [1.5, -3]), y: testTensor('F32', [1], [1]) });
    expect([...(await checkpoint.readRows('x', 0, 1))]).toEqual([1.5, -3]);
    expect([...((await checkpoint.readFp8Rows('x', 0, 1))?.scales ?? [])]).toEqual([1]);
    expect(await checkpoint.readFp8Rows('y', 0, 1)).toBeNull();
  });

  it('refuses F8 that lacks its scale, block scales, and scales that are none', async () => {
    const weight = testTensor('F8_E4M3', [4, 2], new Float32Array(8));
    const good = testTensor('F32', [1], [1]);
    const lacking = await open({ 'a.weight': weight, 'b.weight': weight, 'b.weight_scale': good });
    expect(() => lacking.require('a.weight', [4, 2])).toThrow(/has no a\.weight_scale/);
    const block = await open({ 'a.weight': weight, 'a.weight_scale': testTensor('F32', [2, 1], [1, 1]) });
    expect(() => block.require('a.weight', [4, 2])).toThrow(/block scales/);
    for (const bad of [-1, NaN, Infinity]) {
      const checkpoint = await open({ 'a.weight': weight, 'a.weight_scale': testTensor('F32', [1], [bad]) });
      await expect(checkpoint.readRows('a.weight', 0, 1)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    }
  });

  it('says what is missing, misshapen or of a type that cannot be read', async () => {
    const checkpoint = await open({
      x: testTensor('F32', [2, 3], new Float32Array(6)),
      i: { dtype: 'I32', shape: [1], data: new Uint8Array(4) },
      odd: { dtype: 'F6_E2M3', shape: [4], data: new Uint8Array(3) },
    });
    expect(() => checkpoint.require('y', [1])).toThrow(/no tensor y/);
    expect(() => checkpoint.require('x', [3, 2])).toThrow(/shape \[2, 3\], but by config\.json it is \[3, 2\]/);
    expect(() => checkpoint.require('x', [6])).toThrow(/shape/);
    expect(() => checkpoint.require('i', [1])).toThrow(/dtype I32/);
    await expect(checkpoint.readRows('odd', 0, 1)).rejects.toMatchObject({ code: 'unsupported_model' });
    expect(checkpoint.require('x', [2, 3]).dtype).toBe('F32');
  });

  it('opens several files by their index', async () => {
    const checkpoint = await Checkpoint.open(
      memorySource({
        'model.safetensors.index.json': index({ a: 'one.safetensors', b: 'two.safetensors' }),
        'one.safetensors': safetensorsBytes({ a: testTensor('F32', [1], [1]) }),
        'two.safetensors': safetensorsBytes({ b: testTensor('F32', [1], [2]) }),
      }),
    );
    expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b']);
    expect([...(await checkpoint.readRows('b', 0, 1))]).toEqual([2]);
  });

  it.each([
    ['a tensor in two files', { b: 'two.safetensors', a: 'one.safetensors' }, /both in/],
    ['a tensor that is not in its file', { c: 'one.safetensors', a: 'one.safetensors' }, /puts tensor c/],
    ['a file that is missing', { a: 'three.safetensors' }, /three\.safetensors is missing/],
  ])('refuses %s', async (_, map, message) => {
    const one = safetensorsBytes({ a: testTensor('F32', [1], [1]) });
    const two = safetensorsBytes({ a: testTensor('F32', [1], [1]), b: testTensor('F32', [1], [2]) });
    const files = { 'model.safetensors.index.json': index(map), 'one.safetensors': one, 'two.safetensors': two };
    await expect(Checkpoint.open(memorySource(files))).rejects.toThrow(message);
  });

  it('refuses a folder without a checkpoint, and a file cut short', async () => {
    await expect(Checkpoint.open(memorySource({}))).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    const whole = safetensorsBytes({ x: testTensor('F32', [4], [1, 2, 3, 4]) });
    for (let length = 0; length < whole.length; length++) {
      const source = memorySource({ 'model.safetensors': whole.slice(0, length) });
      await expect(Checkpoint.open(source)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    }
  });
});

describe('fuzzing', () => {
  /** The JSON of a file's header, without its length and the data. */
  const headerOf = (file: Uint8Array) => file.slice(8, 8 + new DataView(file.buffer).getUint32(0, true));
  const one = headerOf(safetensorsBytes({ a: testTensor('F32', [2, 3], new Float32Array(6)) }));
  const two = headerOf(
    safetensorsBytes({
      'b.weight': testTensor('F8_E4M3', [4], [1, 2, 3, 4]),
      'b.weight_scale': testTensor('BF16', [1], [1]),
    }),
  );
  const good = index({ a: 'one.safetensors', 'b.weight': 'two.safetensors', 'b.weight_scale': 'two.safetensors' });

  it('opens mutated checkpoints or refuses them, and reads little either way', { timeout: 60_000 }, async () => {
    let accepted = 0;
    let mostRead = 0;
    const meter = new AllocationMeter();
    // Files that claim to be large: what a header says could be there.
    const CLAIMED = 2 ** 40;
    const trial = fc.asyncProperty(
      fc.record({
        index: mutations,
        header: mutations,
        length: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      }),
      async (changes) => {
        const header = mutate(two, changes.header);
        const length = changes.length === null ? BigInt(header.length) : changes.length;
        const files: Record<string, Uint8Array> = {
          'model.safetensors.index.json': mutate(good, changes.index),
          'one.safetensors': withLength(one, BigInt(one.length)),
          'two.safetensors': withLength(header, length),
        };
        let read = 0;
        const source = {
          size: async (file: string) =>
            file.endsWith('.json') ? (files[file]?.length ?? null) : files[file] ? CLAIMED : null,
          read: async (file: string, begin: number, end: number) => {
            read += end - begin;
            mostRead = Math.max(mostRead, read);
            const bytes = new Uint8Array(end - begin);
            bytes.set((files[file] as Uint8Array).slice(begin, end));
            return bytes;
          },
        };
        const work = async () => {
          const checkpoint = await Checkpoint.open(source);
          for (const { begin, end } of checkpoint.tensors.values()) expect(begin <= end && end <= CLAIMED).toBe(true);
          accepted++;
        };
        const refused = (error: unknown) => {
          expect(error).toBeInstanceOf(BambaError);
          expect((error as BambaError).code).toBe('checkpoint_invalid');
        };
        await meter.measure(() => work().catch(refused));
      },
    );
    await fc.assert(trial, { numRuns: 10_000 });
    expect(mostRead).toBeLessThan(MOST_ALLOCATED);
    expect(meter.most).toBeLessThan(MOST_ALLOCATED);
    expect(accepted).toBeGreaterThan(50);
    expect(accepted).toBeLessThan(9_000);
  });

  function withLength(header: Uint8Array, length: bigint): Uint8Array {
    const file = new Uint8Array(8 + header.length);
    new DataView(file.buffer).setBigUint64(0, length, true);
    file.set(header, 8);
    return file;
  }
});
