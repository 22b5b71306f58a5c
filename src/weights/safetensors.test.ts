import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { memorySource } from './byte-source.ts';
import { MAX_HEADER_BYTES, parseHeader, parseIndex, readHeader } from './safetensors.ts';
import { safetensorsBytes, testTensor, withHeader } from '../testing/checkpoints/test-checkpoint.ts';
import { AllocationMeter, MOST_ALLOCATED, mutate, mutations } from '../testing/test-mutations.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** The error of a header, which must be one. */
async function faultOf(file: Uint8Array): Promise<BambaError> {
  const error = await readHeader(memorySource({ f: file }), 'f').then(
    () => null,
    (fault: unknown) => fault,
  );
  expect(error).toBeInstanceOf(BambaError);
  return error as BambaError;
}

const entry = (dtype: unknown, shape: unknown, offsets: unknown) =>
  JSON.stringify({ x: { dtype, shape, data_offsets: offsets } });

describe('readHeader', () => {
  it('lists tensors in the order of their data, with offsets in the file', async () => {
    const file = safetensorsBytes({
      second: testTensor('BF16', [3], [1, 2, 3]),
      first: testTensor('F32', [2, 2], [1, 2, 3, 4]),
    });
    const tensors = await readHeader(memorySource({ f: file }), 'f');
    expect(tensors.map(({ name, dtype, shape, end, begin }) => [name, dtype, shape, end - begin])).toEqual([
      ['second', 'BF16', [3], 6],
      ['first', 'F32', [2, 2], 16],
    ]);
    expect(tensors.at(-1)?.end).toBe(file.length);
  });

  it('lists tensors of types that it cannot read, and of no elements', async () => {
    const header = {
      a: { dtype: 'I64', shape: [2], data_offsets: [0, 16] },
      b: { dtype: 'F4', shape: [64], data_offsets: [16, 48] },
      c: { dtype: 'F32', shape: [0, 7], data_offsets: [48, 48] },
      d: { dtype: 'F32', shape: [], data_offsets: [48, 52] },
    };
    const tensors = await readHeader(memorySource({ f: withHeader(JSON.stringify(header), 52) }), 'f');
    expect(tensors.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /0 bytes, too few/],
    ['less than a length', new Uint8Array(7), /7 bytes, too few/],
    ['a length beyond the file', withHeader('{}').fill(9, 0, 1), /header of 9 bytes but has only 10/],
    ['a length of 2^63', withHeader('{}').fill(0x80, 7, 8), /at most 8388608/],
    ['no JSON', withHeader('{"x": '), /not JSON/],
    ['no UTF-8', withHeader(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), /not JSON/],
    ['a list', withHeader('[]'), /not a JSON object/],
    ['a number', withHeader('7'), /not a JSON object/],
    ['a tensor that is no object', withHeader('{"x": 3}'), /"x" with something that is not an object/],
    ['no dtype', withHeader('{"x": {}}'), /dtype that is not a string/],
    ['a negative dimension', withHeader(entry('F32', [-1], [0, 4]), 4), /non-negative integers/],
    ['a fractional dimension', withHeader(entry('F32', [1.5], [0, 6]), 6), /non-negative integers/],
    ['a dimension in a string', withHeader(entry('F32', ['1'], [0, 4]), 4), /non-negative integers/],
    ['an unsafe dimension', withHeader(entry('F32', [2 ** 53], [0, 4]), 4), /non-negative integers/],
    ['many dimensions', withHeader(entry('F32', Array(9).fill(1), [0, 4]), 4), /9 dimensions/],
    ['one offset', withHeader(entry('F32', [1], [0]), 4), /data_offsets/],
    ['a negative offset', withHeader(entry('F32', [1], [-4, 0]), 4), /data_offsets/],
    ['backward offsets', withHeader(entry('F32', [1], [4, 0]), 4), /end before they begin/],
    ['data beyond the file', withHeader(entry('F32', [2], [0, 8]), 4), /4 bytes after the end of the file/],
    ['too little data', withHeader(entry('F32', [2], [0, 4]), 4), /4 bytes of data, but F32 of shape \[2\] takes 8/],
    ['a product beyond numbers', withHeader(entry('F32', [2 ** 52, 2 ** 52], [0, 4]), 4), /takes/],
    ['depth', withHeader('['.repeat(1000)), /nested more than 4/],
    ['depth in a tensor', withHeader('{"x": {"shape": [[[[1]]]]}}'), /nested more than 4/],
  ])('refuses %s', async (_, file, message) => {
    const error = await faultOf(file);
    expect(error.code).toBe('checkpoint_invalid');
    expect(error.message).toMatch(message);
  });

  it('refuses overlapping tensors', async () => {
    const header = { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: {} };
    header.b = { dtype: 'F32', shape: [2], data_offsets: [4, 12] };
    expect((await faultOf(withHeader(JSON.stringify(header), 12))).message).toMatch(/overlapping tensors "a" and "b"/);
  });

  it('refuses a missing file, and a source that gives too little', async () => {
    await expect(readHeader(memorySource({}), 'f')).rejects.toThrow(/f is missing/);
    const short = { size: async () => 100, read: async () => new Uint8Array(3) };
    await expect(readHeader(short, 'f')).rejects.toMatchObject({ code: 'checkpoint_invalid' });
  });

  it('reads no more than the length before it knows that the length is sane', async () => {
    const reads: [number, number][] = [];
    const source = {
      size: async () => 2 ** 40,
      read: async (_: string, begin: number, end: number) => {
        reads.push([begin, end]);
        return new Uint8Array(end - begin).fill(0xff);
      },
    };
    await expect(readHeader(source, 'f')).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    expect(reads).toEqual([[0, 8]]);
  });

  it.each([
    ['brackets', '['.repeat(MAX_HEADER_BYTES)],
    ['empty objects', `{"a":[${'{},'.repeat(MAX_HEADER_BYTES / 3 - 10)}{}]}`],
    ['members', `{${'"":0,'.repeat(MAX_HEADER_BYTES / 5 - 10)}"":0}`],
  ])('refuses 8 MB of %s before parsing them', (_, text) => {
    const begun = performance.now();
    expect(() => parseHeader('f', 2 ** 30, encode(text))).toThrow(BambaError);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe('fuzzing', () => {
  const header = safetensorsBytes({
    'model.embed_tokens.weight': testTensor('BF16', [4, 2], new Float32Array(8)),
    'model.norm': testTensor('F32', [3], [1, 2, 3]),
    'a.weight': testTensor('F8_E4M3', [2, 2], [1, 2, 3, 4]),
    'a.weight_scale': testTensor('BF16', [1], [1]),
  });
  const jsonBytes = new DataView(header.buffer).getUint32(0, true);
  const json = header.subarray(8, 8 + jsonBytes);

  it('takes any mutated header as a list of sane tensors or with a typed error', { timeout: 60_000 }, async () => {
    const meter = new AllocationMeter();
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(mutations, (changes) =>
        meter.measure(() => {
          const mutated = mutate(json, changes);
          const fileSize = 8 + mutated.length + 38;
          try {
            for (const { begin, end } of parseHeader('f', fileSize, mutated)) {
              expect(begin).toBeGreaterThanOrEqual(8 + mutated.length);
              expect(end).toBeLessThanOrEqual(fileSize);
              expect(end).toBeGreaterThanOrEqual(begin);
            }
            accepted++;
          } catch (error) {
            expect(error).toBeInstanceOf(BambaError);
            expect((error as BambaError).code).toBe('checkpoint_invalid');
            expect((error as BambaError).message.length).toBeLessThan(400);
          }
        }),
      ),
      { numRuns: 10_000 },
    );
    expect(meter.most).toBeLessThan(MOST_ALLOCATED);
    // Both ways must have been taken, or the mutations test nothing.
    expect(accepted).toBeGreaterThan(100);
    expect(accepted).toBeLessThan(9_000);
  });

  it('takes any mutated index as a map of plain names or with a typed error', { timeout: 60_000 }, async () => {
    const meter = new AllocationMeter();
    const index = encode(
      JSON.stringify({
        metadata: { total_size: 38 },
        weight_map: {
          'model.norm': 'model-00001-of-00002.safetensors',
          'a.weight': 'model-00002-of-00002.safetensors',
        },
      }),
    );
    await fc.assert(
      fc.asyncProperty(mutations, (changes) =>
        meter.measure(() => {
          try {
            for (const file of parseIndex(mutate(index, changes)).values()) expect(file).toMatch(/^[\w./-]+$/);
          } catch (error) {
            expect(error).toBeInstanceOf(BambaError);
            expect((error as BambaError).code).toBe('checkpoint_invalid');
          }
        }),
      ),
      { numRuns: 10_000 },
    );
    expect(meter.most).toBeLessThan(MOST_ALLOCATED);
  });
});

describe('parseIndex', () => {
  it('maps tensors to files', () => {
    const index = parseIndex(encode('{"weight_map": {"a": "model-1.safetensors", "b": "part/model-2.safetensors"}}'));
    expect([...index]).toEqual([
      ['a', 'model-1.safetensors'],
      ['b', 'part/model-2.safetensors'],
    ]);
  });

  it.each([
    '../secret',
    'a/../../secret',
    '/etc/passwd',
    '\\\\host\\file',
    'C:\\file',
    'https://host/file',
    '%2e%2e/secret',
    '%252e%252e%252fsecret',
    'a//b',
    './a',
    'a/',
    '.hidden',
    '',
    'a\u0000b',
    'a?b',
    'a#b',
    'x'.repeat(300),
  ])('refuses the file name %j', (file) => {
    expect(() => parseIndex(encode(JSON.stringify({ weight_map: { a: file } })))).toThrow(/no plain file name/);
  });

  it.each(['{}', '[]', '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": 3}}', 'x'])(
    'refuses %s',
    (text) => {
      expect(() => parseIndex(encode(text))).toThrow(BambaError);
    },
  );
});
