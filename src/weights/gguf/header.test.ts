import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import {
  type GgufEntry,
  ggufBytes,
  ggufData,
  type GgufOptions,
  type GgufTestTensor,
} from '../../testing/checkpoints/test-gguf.ts';
import { AllocationMeter, MOST_ALLOCATED, mutate, mutations } from '../../testing/test-mutations.ts';
import { memorySource } from '../byte-source.ts';
import { type GgufHeader, readGgufHeader } from './header.ts';

const ARCHITECTURE = { 'general.architecture': { text: 'llama' } } as const;

const read = (bytes: Uint8Array): Promise<GgufHeader> => readGgufHeader(memorySource({ 'x.gguf': bytes }), 'x.gguf');

/** The error of a file, which must be one. */
async function faultOf(bytes: Uint8Array): Promise<BambaError> {
  const error = await read(bytes).then(
    () => null,
    (fault: unknown) => fault,
  );
  expect(error).toBeInstanceOf(BambaError);
  return error as BambaError;
}

const tensor = (name: string, columns = 4): GgufTestTensor => ({
  name,
  type: 'F32',
  dims: [columns],
  data: ggufData(
    'F32',
    Array.from({ length: columns }, (_, i) => i),
  ),
});

describe('readGgufHeader', () => {
  it('reads values of every kind', async () => {
    const metadata: Record<string, GgufEntry> = {
      ...ARCHITECTURE,
      a: { u8: 200 },
      b: { i8: -3 },
      c: { u16: 60_000 },
      d: { i16: -30_000 },
      'llama.block_count': { u32: 4_000_000 },
      e: { i32: -5 },
      f: { f32: 0.5 },
      g: { bool: true },
      h: { u64: 2n ** 40n },
      i: { i64: -7n },
      j: { f64: 0.1 },
      k: { texts: ['ä', '', 'b'] },
      l: { i32s: [1, -2] },
      m: { f32s: [0.25] },
    };
    const { metadata: found } = await read(ggufBytes(metadata));
    expect(found.architecture).toBe('llama');
    const numbers = ['a', 'b', 'c', 'd', 'e', 'f', 'h', 'i', 'j'].map((key) => found.number(key));
    expect(numbers).toEqual([200, -3, 60_000, -30_000, -5, 0.5, 2 ** 40, -7, 0.1]);
    expect(found.count('.block_count')).toBe(4_000_000);
    expect(found.flag('g')).toBe(true);
    expect(found.texts('k')).toEqual(['ä', '', 'b']);
    expect(found.numbers('l')).toEqual([1, -2]);
    expect(found.keys()).toHaveLength(15);
  });

  it.each([32, 64, 8])('finds tensors where the table says, aligned to %d bytes', async (alignment) => {
    const metadata = { ...ARCHITECTURE, 'general.alignment': { u32: alignment } };
    const file = ggufBytes(metadata, [tensor('first', 3), { ...tensor('second', 8), dims: [4, 2] }], { alignment });
    const { tensors } = await read(file);
    const view = new DataView(file.buffer);
    expect(tensors.map(({ name, dims }) => [name, dims])).toEqual([
      ['first', [3]],
      ['second', [4, 2]],
    ]);
    for (const { begin, end } of tensors) {
      for (let at = begin; at < end; at += 4) expect(view.getFloat32(at, true)).toBe((at - begin) / 4);
    }
  });

  it('reads a header that is longer than the first read', async () => {
    const texts = Array.from({ length: 60_000 }, (_, i) => `token number ${i} of many`);
    const file = ggufBytes({ ...ARCHITECTURE, tokens: { texts } }, [tensor('w')]);
    let most = 0;
    const source = memorySource({ 'x.gguf': file });
    const { metadata, tensors } = await readGgufHeader(
      {
        ...source,
        read: async (name, begin, end) => {
          most = Math.max(most, end);
          return source.read(name, begin, end);
        },
      },
      'x.gguf',
    );
    expect(metadata.texts('tokens')).toEqual(texts);
    expect(tensors[0]?.end).toBeLessThanOrEqual(most);
  });

  const wide = { ...tensor('w'), dims: [2 ** 31, 2 ** 31] };
  const odd: GgufTestTensor = { name: 'w', type: 'Q4_0', dims: [48], data: new Uint8Array(27) };
  it.each<[string, Readonly<Record<string, GgufEntry>>, GgufTestTensor[], GgufOptions, RegExp]>([
    ['nothing', {}, [], { length: 0 }, /x\.gguf ends inside the first four bytes/],
    ['another beginning', {}, [], { magic: 'GGML' }, /does not begin as a GGUF file but with "GGML"/],
    ['version 1', {}, [], { version: 1 }, /version 1 of GGUF/],
    ['a later version', {}, [], { version: 9 }, /version 9 of GGUF/],
    ['the other order of bytes', {}, [], { version: 0x0300_0000 }, /other order of bytes/],
    ['2^63 keys', ARCHITECTURE, [], { keyCount: 2n ** 63n }, /claims 9223372036854775808 metadata keys/],
    ['2^63 tensors', ARCHITECTURE, [], { tensorCount: 2n ** 63n }, /claims 9223372036854775808 tensors/],
    ['more keys than there are', ARCHITECTURE, [], { keyCount: 9000n }, /claims 0 tensors and 9000 metadata keys/],
    [
      'fewer keys than there are',
      ARCHITECTURE,
      [tensor('w')],
      { keyCount: 0n },
      /tensor "general\.architecture" with 8 dimensions/,
    ],
    ['a type that is not known', ARCHITECTURE, [tensor('w')], { types: { w: 77 } }, /tensor "w" with type 77/],
    ['an odd offset', ARCHITECTURE, [tensor('w')], { offsets: { w: 7n } }, /tensor "w" with offset 7/],
    ['an offset beyond', ARCHITECTURE, [tensor('w')], { offsets: { w: 2n ** 63n } }, /"w" with data that ends/],
    [
      'two tensors in one place',
      ARCHITECTURE,
      [tensor('v'), tensor('w')],
      { offsets: { w: 0n } },
      /overlapping tensors "v" and "w"/,
    ],
    ['a tensor twice', ARCHITECTURE, [tensor('w'), tensor('w')], {}, /lists tensor "w" twice/],
    ['a product of 2^62', ARCHITECTURE, [wide], {}, /tensor "w" with a dimension of 2147483648/],
    ['no elements', ARCHITECTURE, [{ ...tensor('w'), dims: [0] }], {}, /tensor "w" with a dimension of 0/],
    ['no dimensions', ARCHITECTURE, [{ ...tensor('w'), dims: [] }], {}, /tensor "w" with 0 dimensions/],
    ['five dimensions', ARCHITECTURE, [{ ...tensor('w'), dims: [1, 1, 1, 1, 4] }], {}, /with 5 dimensions/],
    ['half a block', ARCHITECTURE, [odd], {}, /rows of 48 weights of type Q4_0, which come in blocks of 32/],
    ['an odd alignment', { 'general.alignment': { u32: 12 } }, [], {}, /general\.alignment has to be a multiple of 8/],
    ['an alignment of text', { 'general.alignment': { text: 'x' } }, [], {}, /general\.alignment has to be/],
    ['an empty key', { '': { u8: 1 } }, [], {}, /empty name as metadata key 0/],
  ])('refuses %s', async (_, metadata, tensors, options, message) => {
    const { message: found } = await faultOf(ggufBytes(metadata, tensors, options));
    expect(found).toMatch(message);
    expect(found).toMatch(/fetch it again|take a newer file|has to be/i);
  });

  it('refuses a file that is cut at any place, and says where', async () => {
    const file = ggufBytes({ ...ARCHITECTURE, 'llama.tokens': { texts: ['a', 'bc'] } }, [tensor('w')]);
    for (let length = 0; length < file.length; length++) {
      const { code, message } = await faultOf(file.slice(0, length));
      expect(code).toBe('checkpoint_invalid');
      expect(message, `${length} bytes`).toMatch(/cut short|too few|claims/);
    }
  });

  it.each([
    ['a text of 2^62 bytes', 'text', 2n ** 62n, /claims 4611686018427387904 bytes for metadata key "k"/],
    ['a list of 2^62 texts', 'texts', 2n ** 62n, /claims a list of 4611686018427387904 entries in metadata key "k"/],
    ['a list beyond the file', 'texts', 100_000n, /more than the rest of the file holds/],
  ] as const)('refuses %s', async (_, kind, length, message) => {
    const entry: GgufEntry = kind === 'text' ? { text: 'abc' } : { texts: ['abc'] };
    const file = ggufBytes({ k: entry });
    // The length follows the key and the number of the kind, or two of them.
    const at = 24 + 8 + 1 + (kind === 'text' ? 4 : 8);
    new DataView(file.buffer).setBigUint64(at, length, true);
    expect((await faultOf(file)).message).toMatch(message);
  });

  it('refuses a key that is there twice', async () => {
    const file = ggufBytes({ k: { u8: 1 }, l: { u8: 2 } });
    // The second name follows the first, its kind and its value.
    file[24 + 8 + 1 + 4 + 1 + 8] = 'k'.charCodeAt(0);
    expect((await faultOf(file)).message).toMatch(/metadata key "k" twice/);
  });

  it('refuses lists of lists, kinds that are not known, and flags that are none', async () => {
    const at = 24 + 8 + 1;
    const withKind = (entry: GgufEntry, place: number, kind: number) => {
      const file = ggufBytes({ k: entry });
      new DataView(file.buffer).setUint32(place, kind, true);
      return file;
    };
    expect((await faultOf(withKind({ u8: 1 }, at, 13))).message).toMatch(/kind 13 in metadata key "k"/);
    expect((await faultOf(withKind({ u32s: [1] }, at + 4, 9))).message).toMatch(/list of lists in metadata key "k"/);
    expect((await faultOf(withKind({ u32s: [1] }, at + 4, 99))).message).toMatch(/kind 99 in metadata key "k"/);
    const flag = ggufBytes({ k: { bool: true } });
    flag[at + 4] = 2;
    expect((await faultOf(flag)).message).toMatch(/has 2 for metadata key "k"/);
  });
});

describe('mutated files', () => {
  const good = ggufBytes(
    {
      ...ARCHITECTURE,
      'llama.block_count': { u32: 2 },
      'llama.rope.freq_base': { f32: 10_000 },
      'tokenizer.ggml.tokens': { texts: ['<s>', 'a', 'b', 'ab'] },
      'tokenizer.ggml.scores': { f32s: [0, -1, -2, -3] },
      'tokenizer.ggml.add_bos_token': { bool: true },
    },
    [tensor('token_embd.weight'), { name: 'w', type: 'Q8_0', dims: [32], data: new Uint8Array(34) }],
  );
  const header = good.slice(0, good.length - 64);

  it('are read or refused in a sentence, and take little either way', { timeout: 60_000 }, async () => {
    let accepted = 0;
    let mostRead = 0;
    const meter = new AllocationMeter();
    // A file that claims to be large: what a header says could be there.
    const CLAIMED = 2 ** 40;
    const number = fc.record({
      at: fc.nat({ max: header.length - 8 }),
      value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    });
    const trial = fc.asyncProperty(
      fc.record({ changes: mutations, numbers: fc.array(number, { maxLength: 2 }), isLarge: fc.boolean() }),
      async ({ changes, numbers, isLarge }) => {
        const bytes = mutate(good, changes);
        const view = new DataView(bytes.buffer);
        for (const { at, value } of numbers) if (at + 8 <= bytes.length) view.setBigUint64(at, value, true);
        const size = isLarge ? CLAIMED : bytes.length;
        let total = 0;
        const source = {
          size: async () => size,
          read: async (_: string, begin: number, end: number) => {
            total += end - begin;
            mostRead = Math.max(mostRead, total);
            const out = new Uint8Array(end - begin);
            out.set(bytes.subarray(begin, end));
            return out;
          },
        };
        const work = async () => {
          const { tensors } = await readGgufHeader(source, 'x.gguf');
          for (const { begin, end } of tensors) expect(begin < end && end <= size).toBe(true);
          accepted++;
        };
        const refused = (error: unknown) => {
          expect(error).toBeInstanceOf(BambaError);
          const { code, message } = error as BambaError;
          expect(['checkpoint_invalid', 'config_invalid']).toContain(code);
          expect(message).toMatch(/x\.gguf/);
        };
        await meter.measure(() => work().catch(refused));
      },
    );
    await fc.assert(trial, { numRuns: 10_000 });
    expect(mostRead).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(meter.most).toBeLessThan(3 * MOST_ALLOCATED);
    expect(accepted).toBeGreaterThan(50);
    expect(accepted).toBeLessThan(9_000);
  });
});
