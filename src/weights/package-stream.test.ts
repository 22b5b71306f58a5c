import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { Checkpoint } from './checkpoint.ts';
import { PackageStream } from './package-stream.ts';
import { planTensors } from './package-writer.ts';
import { safetensorsBytes } from './test-checkpoint.ts';
import type { TensorSpec } from './types.ts';

const COLUMNS = 4099;
const spec = (name: string, rows: number, sources: string[], change: Partial<TensorSpec> = {}): TensorSpec => ({
  name,
  shape: [rows, COLUMNS],
  kind: 'matrix',
  sources: sources.map((source) => ({ name: source, shape: [rows / sources.length, COLUMNS] })),
  arrange: 'stack',
  ...change,
});

function checkpointOf(rows: Record<string, number>): Promise<Checkpoint> {
  const tensors = Object.entries(rows).map(([name, count], seed) => {
    const data = new Uint8Array(count * COLUMNS);
    for (let i = 0; i < data.length; i++) data[i] = ((i * 2_654_435_761 + seed) >>> 9) % 0x7f;
    return [name, { dtype: 'F8_E4M3', shape: [count, COLUMNS], data }] satisfies [string, object];
  });
  return Checkpoint.open(memorySource({ 'model.safetensors': safetensorsBytes(Object.fromEntries(tensors)) }));
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
