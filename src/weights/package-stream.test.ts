import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteSource, memorySource } from './byte-source.ts';
import { Checkpoint } from './checkpoint.ts';
import { SHARD_BYTES } from './manifest.ts';
import { PackageStream } from './package-stream.ts';
import { planTensors } from './package-writer.ts';
import { type Piece, PIECE_BYTES, type PieceKeeper } from './pieces.ts';
import { times } from '../testing/extent.ts';
import { safetensorsBytes } from '../testing/checkpoints/test-checkpoint.ts';
import type { Scheme, TensorSpec } from './types.ts';

const COLUMNS = 4099;
const spec = (name: string, rows: number, sources: string[], change: Partial<TensorSpec> = {}): TensorSpec => ({
  name,
  shape: [rows, COLUMNS],
  kind: 'matrix',
  sources: sources.map((source) => ({ name: source, shape: [rows / sources.length, COLUMNS] })),
  arrange: 'stack',
  ...change,
});

function filesOf(rows: Record<string, number>): Record<string, Uint8Array> {
  const tensors = Object.entries(rows).map(([name, count], seed) => {
    const data = new Uint8Array(count * COLUMNS);
    for (let i = 0; i < data.length; i++) data[i] = ((i * 2_654_435_761 + seed) >>> 9) % 0x7f;
    return [name, { dtype: 'F8_E4M3', shape: [count, COLUMNS], data }] satisfies [string, object];
  });
  return { 'model.safetensors': safetensorsBytes(Object.fromEntries(tensors)) };
}

function checkpointOf(rows: Record<string, number>): Promise<Checkpoint> {
  return Checkpoint.open(memorySource(filesOf(rows)));
}

/** Counts what is read, and gives up after so many bytes. */
function meteredSource(files: Record<string, Uint8Array>, allowance: number): ByteSource & { read: { bytes: number } } {
  const source = memorySource(files);
  const read = Object.assign(
    async (...range: Parameters<ByteSource['read']>) => {
      const bytes = await source.read(...range);
      if (read.bytes + bytes.length > allowance) throw new Error('cut');
      read.bytes += bytes.length;
      return bytes;
    },
    { bytes: 0 },
  );
  return { size: (file) => source.size(file), read };
}

/** Keeps pieces in memory, those of a shard until it is whole. */
class MemoryPieces implements PieceKeeper {
  pieces: Piece[] = [];

  async *known(begin: number, end: number): AsyncGenerator<Piece> {
    const sorted = this.pieces.toSorted((left, right) => left.begin - right.begin);
    yield* sorted.filter((piece) => piece.begin < end && piece.begin + piece.bytes.length > begin);
  }

  async keep(pieces: readonly Piece[]): Promise<void> {
    for (const { begin, bytes } of pieces) {
      expect(Math.floor(begin / SHARD_BYTES)).toBe(Math.floor((begin + bytes.length - 1) / SHARD_BYTES));
      expect(bytes.byteLength).toBe(bytes.buffer.byteLength);
    }
    this.pieces.push(...pieces);
  }

  async settle(): Promise<void> {}

  dropShard(index: number): void {
    this.pieces = this.pieces.filter(({ begin }) => Math.floor(begin / SHARD_BYTES) !== index);
  }
}

async function take(shards: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const taken: Uint8Array[] = [];
  for await (const shard of shards) taken.push(shard);
  return taken;
}

describe('PackageStream', () => {
  const cases: [string, Record<string, number>, TensorSpec[]][] = [
    [
      'scales',
      { a: 4078, b: 20, c: 20 },
      [spec('a', 4078, ['a']), spec('zeros', 3, [], { kind: 'plain', shape: [3] }), spec('stacked', 40, ['b', 'c'])],
    ],
    [
      'weights',
      { a: 10, b: 2050, c: 2050 },
      [spec('interleaved', 4100, ['b', 'c'], { arrange: 'interleave' }), spec('a', 10, ['a'])],
    ],
  ];

  it.each(cases)(
    'makes the same bytes wherever it begins, also among %s',
    async (_, rows, specs) => {
      const stream = new PackageStream(await checkpointOf(rows), specs, planTensors(specs, 'int8'));
      const positions: number[] = [];
      const whole = await take(stream.shards(0, undefined, { onPosition: (position) => positions.push(position) }));
      expect(whole.reduce((sum, shard) => sum + shard.length, 0)).toBe(stream.bytes);
      expect(whole.length).toBeGreaterThanOrEqual(2);
      expect(positions.at(-1)).toBe(stream.bytes);
      expect(positions).toEqual(positions.toSorted((left, right) => left - right));
      for (let first = 1; first < whole.length; first++) {
        const one = await take(stream.shards(first, first + 1));
        expect(one).toHaveLength(1);
        expect(Buffer.compare(one[0]!, whole[first]!)).toBe(0);
      }
    },
    30_000,
  );

  it.each<[Scheme, number]>([
    ['int8', times(4, 2)],
    ['int4', 1],
    ['fp8', 2],
    ['f16', 2],
  ])(
    'goes on in the middle of a shard as %s, and reads nothing twice',
    async (scheme, numRuns) => {
      // More than a shard has room for.
      const rows = scheme === 'int4' ? 9000 : 4500;
      const files = filesOf({ a: 4078, b: 1500, c: 1500, d: rows });
      const specs = [
        spec('zeros', 3, [], { kind: 'plain', shape: [3] }),
        spec('a', 4078, ['a']),
        spec('pair', 3000, ['b', 'c'], { arrange: 'interleave' }),
        // Its scales lie a shard and more behind its first rows.
        ...(scheme === 'f16' ? [] : [spec('d', rows, ['d'])]),
      ];
      const streamOf = async (source: ByteSource) =>
        new PackageStream(await Checkpoint.open(source), specs, planTensors(specs, scheme));
      const uncut = meteredSource(files, Infinity);
      const truth = await take((await streamOf(uncut)).shards(0));
      // Pieces that were read and not made, and rows of which a part was made.
      const perCut = PIECE_BYTES;
      const cuts = fc.array(fc.integer({ min: 500_000, max: 20_000_000 }), { minLength: 1, maxLength: times(12, 4) });
      await fc.assert(
        fc.asyncProperty(cuts, async (allowances) => {
          const pieces = new MemoryPieces();
          const shards: Uint8Array[] = [];
          let read = 0;
          for (const allowance of [...allowances, Infinity]) {
            const source = meteredSource(files, allowance);
            try {
              for await (const shard of (await streamOf(source)).shards(shards.length, undefined, { pieces })) {
                pieces.dropShard(shards.length);
                shards.push(shard);
              }
            } catch (error) {
              expect((error as Error).message).toBe('cut');
            }
            read += source.read.bytes;
          }
          expect(shards).toHaveLength(truth.length);
          for (const [index, shard] of shards.entries()) expect(Buffer.compare(shard, truth[index]!)).toBe(0);
          expect(pieces.pieces).toEqual([]);
          expect(read).toBeLessThanOrEqual(uncut.read.bytes + allowances.length * perCut);
        }),
        { numRuns },
      );
    },
    120_000,
  );

  it('knows how much of the checkpoint a part of the package is made of', async () => {
    const specs = [spec('a', 4, ['a']), spec('pair', 4, ['b', 'c'])];
    const entries = planTensors(specs, 'int8');
    const stream = new PackageStream(await checkpointOf({ a: 4, b: 2, c: 2 }), specs, entries);
    expect(stream.sourceBytes).toBe(8 * COLUMNS);
    expect(stream.sourceBytesAt(0)).toBe(0);
    expect(stream.sourceBytesAt(entries[0]!.bytes / 2)).toBe(2 * COLUMNS);
    expect(stream.sourceBytesAt(entries[1]!.offset)).toBe(4 * COLUMNS);
    expect(stream.sourceBytesAt(stream.bytes)).toBe(8 * COLUMNS);
    expect([stream.tensorAt(0), stream.tensorAt(stream.bytes - 1)]).toEqual(['a', 'pair']);
  });
});
