import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { Checkpoint } from './checkpoint.ts';
import { decodeF8 } from './half.ts';
import { parseManifest, SHARD_BYTES } from './manifest.ts';
import { writePackage } from './package-writer.ts';
import { dequantizeMatrix, quantizeRows } from './quantize.ts';
import { sha256Hex } from './sha256.ts';
import { safetensorsBytes, testTensor, type TestTensors } from '../testing/checkpoints/test-checkpoint.ts';
import type { Scheme, TensorSpec } from './types.ts';

/** Numbers without a pattern that a mistake in the order could share. */
const numbers = (count: number, seed = 1) =>
  Float32Array.from({ length: count }, (_, i) => Math.fround(Math.sin((i + 1) * 12.9898 * seed) * 3));

const matrix = (
  name: string,
  shape: number[],
  sources: [string, number[]][],
  arrange: TensorSpec['arrange'] = 'stack',
) =>
  ({
    name,
    shape,
    kind: 'matrix',
    sources: sources.map(([source, sourceShape]) => ({ name: source, shape: sourceShape })),
    arrange,
  }) satisfies TensorSpec;
const plain = (name: string, shape: number[], source?: [string, number[]], map?: 'negate_exp') =>
  ({
    name,
    shape,
    kind: 'plain',
    sources: source ? [{ name: source[0], shape: source[1] }] : [],
    arrange: 'stack',
    ...(map && { map }),
  }) satisfies TensorSpec;

async function write(
  tensors: TestTensors,
  specs: TensorSpec[],
  scheme: Scheme,
  files: Record<string, Uint8Array> = {},
) {
  const checkpoint = await Checkpoint.open(memorySource({ 'model.safetensors': safetensorsBytes(tensors), ...files }));
  const written = new Map<string, Uint8Array<ArrayBuffer>>();
  const sink = {
    write: async (file: string, bytes: Uint8Array<ArrayBuffer>) => {
      written.set(file, bytes);
    },
  };
  const manifest = await writePackage({ checkpoint, specs, scheme, name: 'Test', architecture: {}, sink });
  const stream = new Uint8Array(manifest.stream.bytes);
  let at = 0;
  for (const { file } of manifest.shards) {
    stream.set(written.get(file) ?? new Uint8Array(), at);
    at += written.get(file)?.length ?? 0;
  }
  const bytesOf = (name: string) => {
    const entry = manifest.tensors.find((tensor) => tensor.name === name);
    if (!entry) throw new Error(`no tensor ${name}`);
    return stream.slice(entry.offset, entry.offset + entry.bytes);
  };
  return { manifest, written, stream, bytesOf };
}

const rowsOf = (values: Float32Array, columns: number) =>
  Array.from({ length: values.length / columns }, (_, i) => [...values.subarray(i * columns, (i + 1) * columns)]);

describe('writePackage', () => {
  it.each<Scheme>(['f32', 'f16', 'int8', 'fp8', 'int4'])(
    'stacks and interleaves rows as the spec says, in %s',
    async (scheme) => {
      const q = numbers(4 * 6, 1);
      const other = numbers(2 * 6, 5);
      const k = numbers(2 * 6, 2);
      const gate = numbers(3 * 6, 3);
      const up = numbers(3 * 6, 4);
      const { manifest, bytesOf, written } = await write(
        {
          q: testTensor('F32', [4, 6], q),
          k: testTensor('F32', [2, 6], k),
          gate: testTensor('F32', [3, 6], gate),
          up: testTensor('F32', [3, 6], up),
          other: testTensor('F32', [2, 6], other),
        },
        [
          matrix(
            'qk',
            [6, 6],
            [
              ['q', [4, 6]],
              ['k', [2, 6]],
            ],
          ),
          matrix(
            'gate_up',
            [6, 6],
            [
              ['gate', [3, 6]],
              ['up', [3, 6]],
            ],
            'interleave',
          ),
          matrix(
            'two_pairs',
            [10, 6],
            [
              ['gate', [3, 6]],
              ['up', [3, 6]],
              ['k', [2, 6]],
              ['other', [2, 6]],
            ],
            'interleave',
          ),
        ],
        scheme,
      );
      const g = rowsOf(gate, 6);
      const pair = [rowsOf(k, 6), rowsOf(other, 6)] as const;
      const u = rowsOf(up, 6);
      const expected = {
        qk: Float32Array.from([...q, ...k]),
        gate_up: Float32Array.from([g[0], u[0], g[1], u[1], g[2], u[2]].flatMap((row) => row ?? [])),
        two_pairs: Float32Array.from(
          [g[0], u[0], g[1], u[1], g[2], u[2], pair[0][0], pair[1][0], pair[0][1], pair[1][1]].flatMap(
            (row) => row ?? [],
          ),
        ),
      };
      for (const [name, values] of Object.entries(expected)) {
        const { bytes, scales } = quantizeRows(scheme, values, 6, { name });
        const stored = bytesOf(name);
        expect(stored.subarray(0, bytes.length)).toEqual(bytes);
        expect(stored.subarray(bytes.length, bytes.length + scales.byteLength)).toEqual(scales);
        expect(stored.subarray(bytes.length + scales.byteLength).every((byte) => byte === 0)).toBe(true);
      }
      expect(manifest.tensors.map(({ offset }) => offset % 256)).toEqual([0, 0, 0]);
      expect(manifest.parameters).toBe(132);
      expect(parseManifest(written.get('manifest.json') ?? new Uint8Array())).toEqual(manifest);
      expect([...written.keys()].at(-1)).toBe('manifest.json');
    },
  );

  it.each<Scheme>(['f32', 'fp8', 'int4'])(
    'takes rows of a tensor, each part with its factor, in %s',
    async (scheme) => {
      const values = numbers(8 * 6);
      // As gate and up lie in one tensor, and as its parts are scaled apart.
      const both = { name: 'both', shape: [8, 6] };
      const specs: TensorSpec[] = [
        {
          ...matrix('gate_up', [8, 6], []),
          sources: [
            { ...both, rows: [0, 4], factor: 0.5 },
            { ...both, rows: [4, 8] },
          ],
          arrange: 'interleave',
        },
        { ...matrix('last', [3, 6], []), sources: [{ ...both, rows: [5, 8], factor: -3 }] },
        { ...plain('vector', [2]), sources: [{ name: 'vector', shape: [5], rows: [1, 3], factor: 2 }] },
      ];
      const tensors = {
        both: testTensor('F32', [8, 6], values),
        vector: testTensor('F32', [5], [1, 2, 3, 4, 5]),
      };
      const { bytesOf } = await write(tensors, specs, scheme);
      const rows = rowsOf(values, 6);
      const scaled = (row: number, factor: number) => rows[row]!.map((value) => value * factor);
      const expected = {
        gate_up: [0, 1, 2, 3].flatMap((row) => [...scaled(row, 0.5), ...rows[row + 4]!]),
        last: [5, 6, 7].flatMap((row) => scaled(row, -3)),
      };
      for (const [name, flat] of Object.entries(expected)) {
        const { bytes, scales } = quantizeRows(scheme, Float32Array.from(flat), 6, { name });
        expect(bytesOf(name).subarray(0, bytes.length + scales.length)).toEqual(Uint8Array.from([...bytes, ...scales]));
      }
      expect([...new Float32Array(bytesOf('vector').buffer, 0, 2)]).toEqual([4, 6]);
    },
  );

  it('scales rows of F8 tensors without rounding them again', async () => {
    const tensors = {
      'a.weight': testTensor('F8_E4M3', [3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
      'a.weight_scale': testTensor('F32', [3, 1], [1, 10, 100]),
    };
    const source = { name: 'a.weight', shape: [3, 4], rows: [1, 3] as const, factor: 0.25 };
    const { bytesOf } = await write(tensors, [{ ...matrix('a', [2, 4], []), sources: [source] }], 'fp8');
    expect(dequantizeMatrix('fp8', bytesOf('a'), 2, 4)).toEqual(
      Float32Array.from([12.5, 15, 17.5, 20, 225, 250, 275, 300]),
    );
  });

  it('counts all dimensions but the last as rows', async () => {
    const values = numbers(2 * 3 * 4);
    const experts = { name: 'experts', shape: [2, 3, 4] };
    const specs = [{ ...matrix('second', [3, 4], []), sources: [{ ...experts, rows: [3, 6] as const }] }];
    const { bytesOf } = await write({ experts: testTensor('F32', [2, 3, 4], values) }, specs, 'f32');
    expect(dequantizeMatrix('f32', bytesOf('second'), 3, 4)).toEqual(values.slice(12));
  });

  it('finds a tensor under any of its names, and misses it by the first', async () => {
    const source = { name: 'backbone.a', aliases: ['model.a', 'a'], shape: [2, 4] };
    const specs = [{ ...matrix('a', [2, 4], []), sources: [source] }];
    const values = numbers(8);
    for (const name of ['backbone.a', 'model.a', 'a']) {
      const { bytesOf } = await write({ [name]: testTensor('F32', [2, 4], values) }, specs, 'f32');
      expect(dequantizeMatrix('f32', bytesOf('a'), 2, 4)).toEqual(values);
    }
    await expect(write({ b: testTensor('F32', [2, 4], values) }, specs, 'f32')).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining('no tensor backbone.a') as string,
    });
  });

  it('stores the vocabulary of an int4 package in int8, and of no other', async () => {
    const values = numbers(2 * 6);
    const specs = [
      { ...matrix('embedding', [2, 6], [['a', [2, 6]]]), vocabulary: true as const },
      matrix('down', [2, 6], [['a', [2, 6]]]),
    ];
    const tensors = { a: testTensor('F32', [2, 6], values) };
    for (const [scheme, expected] of [
      ['int4', ['int8', 'int4']],
      ['fp8', ['fp8', 'fp8']],
    ] as const) {
      const { manifest, bytesOf } = await write(tensors, specs, scheme);
      expect(manifest.scheme).toBe(scheme);
      expect(manifest.tensors.map((tensor) => tensor.scheme)).toEqual(expected);
      for (const { name, scheme: own } of manifest.tensors) {
        const { bytes, scales } = quantizeRows(own, values, 6, { name });
        expect(bytesOf(name).subarray(0, bytes.length + scales.length)).toEqual(Uint8Array.of(...bytes, ...scales));
      }
    }
  });

  it('keeps plain tensors in f32, maps A_log to A, and writes zeros where there is no source', async () => {
    const log = numbers(5);
    const conv = numbers(3 * 4);
    const { manifest, bytesOf } = await write(
      { a_log: testTensor('F32', [5], log), conv: testTensor('F32', [3, 1, 4], conv) },
      [plain('a', [5], ['a_log', [5]], 'negate_exp'), plain('conv', [3, 4], ['conv', [3, 1, 4]]), plain('bias', [9])],
      'int8',
    );
    expect(manifest.tensors.map(({ scheme, bytes }) => [scheme, bytes])).toEqual([
      ['f32', 32],
      ['f32', 48],
      ['f32', 48],
    ]);
    expect([...new Float32Array(bytesOf('a').buffer, 0, 5)]).toEqual([...log].map((x) => Math.fround(-Math.exp(x))));
    expect(new Float32Array(bytesOf('conv').buffer)).toEqual(conv);
    expect(bytesOf('bias').every((byte) => byte === 0)).toBe(true);
  });

  it('passes an FP8 checkpoint through to fp8: same bytes, its own scales', async () => {
    const codes = Uint8Array.from({ length: 4 * 5 }, (_, i) => (i * 37 + 1) % 0x7f);
    const weight = (shape: number[], data: Uint8Array) => ({ dtype: 'F8_E4M3', shape, data });
    const tensors = {
      'q.weight': weight([2, 5], codes.slice(0, 10)),
      'q.weight_scale': testTensor('BF16', [1], [0.5]),
      'k.weight': weight([2, 5], codes.slice(10)),
      'k.weight_scale': testTensor('BF16', [2, 1], [0.25, 2]),
    };
    const sources: [string, number[]][] = [
      ['q.weight', [2, 5]],
      ['k.weight', [2, 5]],
    ];
    const { bytesOf } = await write(tensors, [matrix('stacked', [4, 5], sources)], 'fp8');
    const stored = bytesOf('stacked');
    for (let row = 0; row < 4; row++) {
      expect(stored.subarray(row * 16, row * 16 + 5)).toEqual(codes.subarray(row * 5, row * 5 + 5));
    }
    expect([...new Float32Array(stored.buffer, 64, 4)]).toEqual([0.5, 0.5, 0.25, 2]);

    const interleaved = await write(tensors, [matrix('mixed', [4, 5], sources, 'interleave')], 'fp8');
    expect([...new Float32Array(interleaved.bytesOf('mixed').buffer, 64, 4)]).toEqual([0.5, 0.25, 0.5, 2]);

    // Any other scheme takes the values that the bytes stand for.
    const f32 = await write(tensors, [matrix('stacked', [4, 5], sources)], 'f32');
    const scales = [0.5, 0.5, 0.25, 2];
    expect([...dequantizeMatrix('f32', f32.bytesOf('stacked'), 4, 5)]).toEqual(
      Array.from(codes, (code, i) => decodeF8(code) * (scales[Math.floor(i / 5)] as number)),
    );
  });

  it('refuses an FP8 weight that is not a number', async () => {
    const data = new Uint8Array(10);
    data[7] = 0xff;
    const tensors = { q: { dtype: 'F8_E4M3', shape: [2, 5], data } };
    await expect(write(tensors, [matrix('q', [2, 5], [['q', [2, 5]]])], 'fp8')).rejects.toThrow(
      /q has a weight in row 1/,
    );
  });

  it('goes on in the next shard where one ends, and hashes each', async () => {
    // Rows of 12,000 bytes meet the ends of neither pieces nor shards.
    const [rows, columns] = [1501, 2999];
    const data = Uint8Array.from({ length: rows * columns }, (_, i) => (i * 7919) % 0x7f);
    const { manifest, written, bytesOf } = await write(
      { x: { dtype: 'F8_E4M3', shape: [rows, columns], data } },
      [matrix('x', [rows, columns], [['x', [rows, columns]]])],
      'f32',
    );
    expect(manifest.shards.map(({ bytes }) => bytes)).toEqual([SHARD_BYTES, manifest.stream.bytes - SHARD_BYTES]);
    for (const { file, sha256, bytes } of manifest.shards) {
      const stored = written.get(file) ?? new Uint8Array();
      expect(stored.length).toBe(bytes);
      expect(await sha256Hex(stored)).toBe(sha256);
    }
    const back = dequantizeMatrix('f32', bytesOf('x'), rows, columns);
    const values = Float32Array.from({ length: 0x7f }, (_, code) => decodeF8(code));
    expect(data.every((code, i) => back[i] === values[code])).toBe(true);
  }, 30_000);

  it('brings the text files along, with their hashes', async () => {
    const tokenizer = new TextEncoder().encode('{"model": {}}');
    const { manifest, written } = await write(
      { x: testTensor('F32', [2], [1, 2]) },
      [plain('x', [2], ['x', [2]])],
      'f32',
      {
        'tokenizer.json': tokenizer,
        'README.md': tokenizer,
      },
    );
    expect(manifest.files).toEqual({
      'tokenizer.json': { file: 'tokenizer.json', bytes: 13, sha256: await sha256Hex(tokenizer) },
    });
    expect(written.get('tokenizer.json')).toEqual(tokenizer);
    expect(written.has('README.md')).toBe(false);
  });

  it.each<[string, TensorSpec, RegExp]>([
    ['a missing tensor', plain('y', [2], ['y', [2]]), /no tensor y/],
    ['a wrong shape', plain('y', [3], ['x', [3]]), /shape \[2\]/],
    ['integers', plain('y', [1], ['i', [1]]), /dtype I64/],
  ])('finds %s before it writes anything', async (_, spec, message) => {
    const tensors = {
      x: testTensor('F32', [2], [1, 2]),
      i: { dtype: 'I64', shape: [1], data: new Uint8Array(8) },
    };
    const checkpoint = await Checkpoint.open(memorySource({ 'model.safetensors': safetensorsBytes(tensors) }));
    const written: string[] = [];
    const sink = {
      write: async (file: string) => {
        written.push(file);
      },
    };
    const specs = [plain('x', [2], ['x', [2]]), spec];
    await expect(
      writePackage({ checkpoint, specs, scheme: 'f32', name: 'Test', architecture: {}, sink }),
    ).rejects.toThrow(message);
    expect(written).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const checkpoint = await Checkpoint.open(
      memorySource({ 'model.safetensors': safetensorsBytes({ x: testTensor('F32', [2], [1, 2]) }) }),
    );
    const specs = [plain('x', [2], ['x', [2]])];
    const signal = AbortSignal.abort();
    const sink = { write: async () => {} };
    await expect(
      writePackage({ checkpoint, specs, scheme: 'f32', name: 'Test', architecture: {}, sink, signal }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});
