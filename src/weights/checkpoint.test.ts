import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { memorySource } from './byte-source.ts';
import { Checkpoint } from './checkpoint.ts';
import { safetensorsBytes, testTensor, type TestTensors } from '../testing/checkpoints/test-checkpoint.ts';
import { AllocationMeter, MOST_ALLOCATED, mutate, mutations } from '../testing/test-mutations.ts';

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
    const stored = await checkpoint.readStoredRows('a.weight', 'fp8', 1, 2);
    expect([...(stored?.scales ?? [])]).toEqual([second]);
    expect(stored?.bytes).toEqual(testTensor('F8_E4M3', [3], [4, 5, 6]).data);
  });

  it('reads F8 without scales as it is, where the checkpoint knows none', async () => {
    const checkpoint = await open({ x: testTensor('F8_E4M3', [1, 2], [1.5, -3]), y: testTensor('F32', [1], [1]) });
    expect([...(await checkpoint.readRows('x', 0, 1))]).toEqual([1.5, -3]);
    expect([...((await checkpoint.readStoredRows('x', 'fp8', 0, 1))?.scales ?? [])]).toEqual([1]);
    expect(await checkpoint.readStoredRows('y', 'fp8', 0, 1)).toBeNull();
  });

  it('refuses F8 that lacks its scale, scales that fit no blocks, and scales that are none', async () => {
    const weight = testTensor('F8_E4M3', [4, 2], new Float32Array(8));
    const good = testTensor('F32', [1], [1]);
    const lacking = await open({ 'a.weight': weight, 'b.weight': weight, 'b.weight_scale': good });
    expect(() => lacking.require('a.weight', [4, 2])).toThrow(/has no a\.weight_scale/);
    for (const [shape, count] of [
      [[3, 1], 3],
      [[3], 3],
      [[2], 2],
      [[4, 3], 12],
    ] as const) {
      const scale = testTensor('F32', [...shape], new Float32Array(count).fill(1));
      const unfit = await open({ 'a.weight': weight, 'a.weight_scale': scale });
      expect(() => unfit.require('a.weight', [4, 2])).toThrow(/for each row or for each block are supported/);
    }
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

  describe('with an index that is not of the files beside it', () => {
    const one = safetensorsBytes({ a: testTensor('F32', [1], [1]) });
    const two = safetensorsBytes({ a: testTensor('F32', [1], [3]), b: testTensor('F32', [1], [2]) });
    const both = { 'one.safetensors': one, 'two.safetensors': two };
    /** Without `list`, as of a server. */
    const listless = (files: Record<string, Uint8Array>) => ({ ...memorySource(files), list: undefined });
    const opened = (map: Record<string, string>, files: Record<string, Uint8Array> = both) =>
      Checkpoint.open(memorySource({ 'model.safetensors.index.json': index(map), ...files }));

    it('reads the single file in its place', async () => {
      const files = { 'model.safetensors': two, 'model.safetensors.index.json': Uint8Array.of(1) };
      const checkpoint = await Checkpoint.open(memorySource(files));
      expect([...(await checkpoint.readRows('a', 0, 1))]).toEqual([3]);
    });

    it('takes a tensor of two files from the one that the index names, and else from none', async () => {
      const named = await opened({ b: 'two.safetensors', a: 'one.safetensors' });
      expect([...(await named.readRows('a', 0, 1))]).toEqual([1]);
      const doubtful = await opened({ b: 'two.safetensors', c: 'one.safetensors' });
      expect([...(await doubtful.readRows('b', 0, 1))]).toEqual([2]);
      expect(() => doubtful.require('a', [1])).toThrow(/both in two\.safetensors and in one\.safetensors/);
    });

    it('misses a tensor when it is asked for', async () => {
      const checkpoint = await opened({ c: 'one.safetensors', a: 'one.safetensors', d: 'gone.safetensors' });
      expect([...(await checkpoint.readRows('b', 0, 1))]).toEqual([2]);
      expect(() => checkpoint.require('c', [1])).toThrow(/puts tensor c into one\.safetensors, but it is not there/);
      expect(() => checkpoint.require('d', [1])).toThrow(/puts tensor d into gone\.safetensors/);
      expect(() => checkpoint.require('e', [1])).toThrow(/has no tensor e/);
    });

    it.each([
      ['names files that are gone', index({ a: '9-of-9.safetensors', b: '8-of-9.safetensors' })],
      ['cannot be read', Uint8Array.of(0x7b)],
      ['is a pointer', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:00')],
    ])('finds the files in a folder where the index %s', async (_, text) => {
      const files = { 'model.safetensors.index.json': text, 'two.safetensors': two };
      const checkpoint = await Checkpoint.open(memorySource(files));
      expect([...(await checkpoint.readRows('b', 0, 1))]).toEqual([2]);
      await expect(Checkpoint.open(listless(files))).rejects.toMatchObject({ code: 'checkpoint_invalid' });
      const without = await Checkpoint.open(memorySource({ 'two.safetensors': two }));
      expect([...(await without.readRows('b', 0, 1))]).toEqual([2]);
    });

    it('says which file is missing where none is there', async () => {
      await expect(opened({ a: 'three.safetensors' }, {})).rejects.toThrow(/three\.safetensors is missing/);
      const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`t${i}`, `f${i}.safetensors`]));
      await expect(opened(many)).rejects.toThrow(/names 1001 files/);
    });
  });

  it.each([
    ['a Git LFS pointer', `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 5\n`],
    ['a web page', '<!DOCTYPE html><html></html>'],
    ['a web page', '\n<html lang="en">'],
    ['a ZIP archive', 'PK\u0003\u0004 archive/data.pkl'],
    ['a GGUF file', 'GGUF\u0003\u0000\u0000\u0000'],
  ])('names %s in the place of a file', async (what, content) => {
    const bytes = new TextEncoder().encode(content);
    await expect(Checkpoint.open(memorySource({ 'model.safetensors': bytes }))).rejects.toThrow(what);
    const good = safetensorsBytes({ x: testTensor('F32', [1], [1]) });
    const checkpoint = await Checkpoint.open(memorySource({ 'model.safetensors': good, 'tokenizer.json': bytes }));
    await expect(checkpoint.readFile('tokenizer.json')).rejects.toThrow(`tokenizer.json is ${what}`);
  });

  it('names weights of another format where there are none of safetensors', async () => {
    const files = { 'config.json': Uint8Array.of(0), 'pytorch_model.bin': Uint8Array.of(0) };
    await expect(Checkpoint.open(memorySource(files))).rejects.toThrow(
      /pytorch_model\.bin is of another format.*safetensors/,
    );
  });

  it.each<[string, number[]]>([
    ['weight_scale', [1]],
    ['weight_scale', []],
    ['weight_scale_inv', [1, 1]],
    ['weight_scale', [5]],
    ['weight_scale', [5, 1]],
    ['weight_scale', [3, 2]],
    ['weight_scale_inv', [3, 3]],
    ['weight_scale', [5, 6]],
  ])('multiplies by %s of shape %j, whatever the config calls it', async (suffix, shape) => {
    const [rows, columns] = [5, 6];
    const values = Float32Array.from({ length: rows * columns }, (_value, i) => (i % 8) - 4);
    const count = shape.reduce((product, size) => product * size, 1);
    const scales = Float32Array.from({ length: count }, (_value, i) => 2 ** (i % 5));
    const checkpoint = await open({
      'a.weight': testTensor('F8_E4M3', [rows, columns], values),
      [`a.${suffix}`]: testTensor('F32', shape, scales),
      'a.input_scale': testTensor('F32', [1], [7]),
    });
    const [down = 1, across = 1] = shape;
    const [high, wide] = [[5, 3, 2, 2, 1][down - 1] ?? 1, [6, 4, 2, 2, 2, 1][across - 1] ?? 1];
    const expected = values.map((value, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return value * (scales[Math.floor(row / high) * across + Math.floor(column / wide)] as number);
    });
    expect(checkpoint.require('a.weight', [rows, columns]).dtype).toBe('F8_E4M3');
    expect([...(await checkpoint.readRows('a.weight', 0, rows))]).toEqual([...expected]);
    expect([...(await checkpoint.readRows('a.weight', 2, 4))]).toEqual([...expected].slice(12, 24));
    const stored = await checkpoint.readStoredRows('a.weight', 'fp8', 1, 4);
    if (across > 1) expect(stored).toBeNull();
    else expect([...(stored?.scales ?? [])]).toEqual([1, 2, 3].map((row) => scales[Math.floor(row / high)]));
  });

  it('holds scales against the blocks that the config states', async () => {
    const weight = testTensor('F8_E4M3', [5, 6], new Float32Array(30).fill(1));
    const files = (shape: number[], count: number) =>
      memorySource({
        'model.safetensors': safetensorsBytes({
          'a.weight': weight,
          'a.weight_scale_inv': testTensor(
            'F32',
            shape,
            new Float32Array(count).map((_, i) => 2 ** i),
          ),
        }),
      });
    const fitting = await Checkpoint.open(files([2, 2], 4), undefined, { blocks: [3, 4] });
    expect([...(await fitting.readRows('a.weight', 2, 4))]).toEqual([1, 1, 1, 1, 2, 2, 4, 4, 4, 4, 8, 8]);
    for (const source of [files([1], 1), files([2, 1], 2)]) {
      const other = await Checkpoint.open(source, undefined, { blocks: [3, 4] });
      expect(() => other.require('a.weight', [5, 6])).toThrow(/one scale for each block of 3 by 4 weights/);
    }
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
