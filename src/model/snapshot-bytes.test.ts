import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  decodePrelude,
  encodePrelude,
  payloadBytes,
  pieceHash,
  pieceRange,
  SNAPSHOT_PIECE_BYTES,
  type SnapshotFacts,
  type SnapshotReader,
  verifiedPieces,
} from './snapshot-bytes.ts';
import type { StateBuffer } from './state-layout.ts';

// The bytes of a state: read back as they were written, and refused in a sentence once anything about them is wrong.

type Bytes = Uint8Array<ArrayBuffer>;

const VOCABULARY = 11;
const binding = { model: 'm'.repeat(64), shaders: 's'.repeat(64), scheme: 'int8' };

/** A fixed state, and keys of 3 values a token. */
const layout = (tokens: number): StateBuffer[] => [
  { name: 'block 0 / ssm', type: 'f32', shape: [4, 5], bytes: 80 },
  { name: 'block 1 / keys', type: 'f32', shape: [tokens, 3], bytes: 12 * tokens },
];

const reader: SnapshotReader = { binding, vocabSize: VOCABULARY, contextLength: 64, layout };

const tokens = [3, 1, 4, 1, 5];
const facts: SnapshotFacts = {
  binding,
  name: 'tiny',
  tokens,
  layout: layout(tokens.length),
  logitsBytes: 4 * VOCABULARY,
  extra: { messages: ['Good morning – ☀'] },
};

/** A whole file. @param changed what is other than it should be */
async function write(changed: Partial<SnapshotFacts> = {}): Promise<Bytes> {
  const wrong = { ...facts, ...changed };
  const payload = new Uint8Array(payloadBytes(wrong)).map((_, index) => index * 7);
  const count = Math.ceil(payload.length / SNAPSHOT_PIECE_BYTES);
  const hashes = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const { begin, end } = pieceRange(index, payload.length);
      return pieceHash(payload.slice(begin, end));
    }),
  );
  const prelude = await encodePrelude(wrong, hashes);
  return new Uint8Array([...prelude, ...payload]);
}

/** Reads all of a file. */
async function read(file: Bytes, expected = reader) {
  const prelude = await decodePrelude(file, expected);
  return { prelude, pieces: await verifiedPieces(file, prelude) };
}

const refused = (message: string | RegExp) => ({
  name: 'BambaError',
  code: 'state_invalid',
  message: expect.stringMatching(message) as string,
});

describe('a state as bytes', () => {
  let file: Bytes;
  beforeAll(async () => {
    file = await write();
  });

  it('is read as it was written', async () => {
    const { prelude, pieces } = await read(file);
    expect(prelude).toMatchObject({ tokens, name: 'tiny', extra: facts.extra, logitsBytes: 44, payloadBytes: 184 });
    expect(pieces.map((piece) => [...piece])).toEqual([Array.from(file.slice(prelude.bytes))]);
    expect(prelude.bytes + 184).toBe(file.length);
  });

  it('is read in pieces where it is large', async () => {
    const rows = Math.ceil((2.5 * SNAPSHOT_PIECE_BYTES) / 12);
    const many = Array.from({ length: rows }, (_, index) => index % VOCABULARY);
    const large = await write({ tokens: many, layout: layout(rows), logitsBytes: 0 });
    const { prelude, pieces } = await read(large, { ...reader, contextLength: rows });
    expect(pieces.map(({ length }) => length)).toEqual([
      SNAPSHOT_PIECE_BYTES,
      SNAPSHOT_PIECE_BYTES,
      prelude.payloadBytes - 2 * SNAPSHOT_PIECE_BYTES,
    ]);
    large[prelude.bytes + SNAPSHOT_PIECE_BYTES + 5]! ^= 1;
    await expect(verifiedPieces(large, prelude)).rejects.toMatchObject(refused('damaged'));
  });

  it('is refused at any length but its own', { timeout: 120_000 }, async () => {
    for (let length = 0; length < file.length; length++) {
      await expect(read(file.slice(0, length))).rejects.toMatchObject(refused(/cut short|is none of/));
    }
    await expect(read(new Uint8Array([...file, 0]))).rejects.toMatchObject(refused('longer than it says'));
  });

  it('is refused with any bit the other way round', { timeout: 120_000 }, async () => {
    for (let byte = 0; byte < file.length; byte++) {
      const flipped = file.slice();
      flipped[byte]! ^= 1 << (byte % 8);
      await expect(read(flipped)).rejects.toMatchObject(refused(/begun anew from its text\.$/));
    }
  });

  it('is refused where it is anything else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (noise, begun) => {
        const bytes = new Uint8Array(begun ? [...file.slice(0, 12), ...noise] : noise);
        await expect(read(bytes)).rejects.toMatchObject(refused('.'));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['another model', { binding: { ...binding, model: 'x'.repeat(64) } }, /of another model \(tiny\)/],
    ['another scheme', { binding: { ...binding, scheme: 'int4' } }, /of weights in int4 .* has int8/],
    ['other shaders', { binding: { ...binding, shaders: '' } }, 'another version of bamba-web'],
    ['a block that does not exist', { layout: [...layout(5), ...layout(0)] }, 'laid out otherwise'],
    ['another type', { layout: layout(5).map((buffer) => ({ ...buffer, type: 'f16' })) }, 'laid out otherwise'],
    ['10 GB by its header', { layout: layout(5).map((one) => ({ ...one, shape: [5, 1e9] })) }, 'laid out otherwise'],
    ['more tokens than the context', { tokens: Array(65).fill(1), layout: layout(65) }, 'has 65 tokens'],
    ['a token that there is not', { tokens: [3, 1, 4, 1, 11] }, 'token id 11'],
    ['logits of another size', { logitsBytes: 48 }, 'damaged'],
    ['no name', { name: 3 as unknown as string }, 'damaged'],
  ])('is refused with %s', async (_, changed, message) => {
    await expect(read(await write(changed as Partial<SnapshotFacts>))).rejects.toMatchObject(refused(message));
  });

  it('is refused in another version of the format, whatever follows', async () => {
    const other = file.slice();
    other[8] = 2;
    await expect(read(other)).rejects.toMatchObject(refused('of version 2 of its format'));
  });

  it('allocates nothing by what its counts claim', async () => {
    for (const at of [12, 16, 20]) {
      const claiming = file.slice();
      new DataView(claiming.buffer).setUint32(at, 0xffff_fff0, true);
      await expect(read(claiming)).rejects.toMatchObject(refused('cut short'));
    }
  });
});
