import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { checkManifest, type Manifest, parseManifest, SHARD_BYTES, shardBytes } from './manifest.ts';
import { planTensors, streamBytes } from './package-writer.ts';
import { AllocationMeter, MOST_ALLOCATED, mutate, mutations } from '../testing/test-mutations.ts';
import type { TensorSpec } from './types.ts';

const spec = (name: string, shape: number[], kind: TensorSpec['kind']): TensorSpec => ({
  name,
  shape,
  kind,
  sources: [],
  arrange: 'stack',
});

const tensors = planTensors([spec('embedding', [5000, 5000], 'matrix'), spec('norm', [7], 'plain')], 'int8');
const bytes = streamBytes(tensors);
const good: Manifest = {
  format: 'bamba-web',
  version: 1,
  name: 'Test',
  source: { repo: 'org/name', revision: 'abc' },
  scheme: 'int8',
  architecture: { family: 'bamba' },
  parameters: 25_000_007,
  stream: { bytes },
  tensors,
  shards: [0, 1].map((i) => ({
    file: `shard-000${i}.bin`,
    bytes: shardBytes(bytes, i),
    sha256: String(i).repeat(64),
  })),
  files: { 'tokenizer.json': { file: 'tokenizer.json', bytes: 3, sha256: 'a'.repeat(64) } },
};

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
/** A deep copy of the good manifest, changed. */
function changed(change: (manifest: Manifest) => void): Uint8Array {
  const copy = structuredClone(good);
  change(copy);
  return encode(copy);
}
const tensor = (manifest: Manifest, i: number) => manifest.tensors[i] as Manifest['tensors'][number];
const shard = (manifest: Manifest, i: number) => manifest.shards[i] as Manifest['shards'][number];

describe('parseManifest', () => {
  it('takes a good one as it is', () => {
    expect(parseManifest(encode(good))).toEqual(good);
    expect(checkManifest(structuredClone(good))).toEqual(good);
    expect(good.shards.map((one) => one.bytes)).toEqual([SHARD_BYTES, bytes - SHARD_BYTES]);
  });

  it('takes questions to begin with, and refuses too many', () => {
    const asked = { ...good, suggestions: ['Why?', ['What?', 'And then?']] };
    expect(parseManifest(encode(asked))).toEqual(asked);
    for (const suggestions of [Array(17).fill('Why?'), [Array(9).fill('Why?')], ['?'.repeat(201)], [''], 'Why?']) {
      expect(() => parseManifest(encode({ ...good, suggestions }))).toThrow(/suggestions/);
    }
  });

  it('takes one with end ids, and leaves out what a later version may add', () => {
    const ends = { ...good, stopIds: [2, 128_009] };
    expect(parseManifest(encode(ends))).toEqual(ends);
    expect(parseManifest(encode({ ...ends, later: 1 }))).toEqual(ends);
    expect(() => parseManifest(encode({ ...good, stopIds: [-1] }))).toThrow(/stopIds/);
  });

  it('takes matrices of int8 in a package of int4, not the other way round', () => {
    const mixed = planTensors(
      [{ ...spec('embedding', [5000, 5000], 'matrix'), vocabulary: true }, spec('down', [64, 64], 'matrix')],
      'int4',
    );
    expect(mixed.map(({ scheme }) => scheme)).toEqual(['int8', 'int4']);
    const stream = { bytes: streamBytes(mixed) };
    const shards = good.shards.map((one, i) => ({ ...one, bytes: shardBytes(stream.bytes, i) }));
    const manifest = { ...good, scheme: 'int4', tensors: mixed, stream, shards };
    expect(parseManifest(encode(manifest))).toEqual(manifest);
    expect(() => parseManifest(encode({ ...manifest, scheme: 'int8' }))).toThrow(
      /"down" has scheme int4 in a package of scheme int8/,
    );
  });

  it('ignores fields that it does not know', () => {
    expect(parseManifest(encode({ ...good, comment: 'made by hand' }))).toEqual(good);
  });

  it.each([
    ['no JSON', new TextEncoder().encode('<!doctype html>')],
    ['another format', encode({ ...good, format: 'gguf' })],
    ['no format', encode({})],
    ['a list', encode([good])],
    ['no name', encode({ ...good, name: '' })],
    ['another scheme', encode({ ...good, scheme: 'int3' })],
    ['an architecture that is no object', encode({ ...good, architecture: [] })],
    ['no tensors', encode({ ...good, tensors: [] })],
    ['a dimension of zero', changed((m) => (tensor(m, 1).shape = [0]))],
    ['three dimensions', changed((m) => (tensor(m, 0).shape = [1000, 5000, 5]))],
    ['a negative offset', changed((m) => (tensor(m, 0).offset = -256))],
    ['an offset off the grid', changed((m) => (tensor(m, 1).offset += 16))],
    ['a gap', changed((m) => (tensor(m, 1).offset += 256))],
    ['overlap', changed((m) => (tensor(m, 1).offset = 0))],
    ['bytes that do not fit the shape', changed((m) => (tensor(m, 1).bytes += 16))],
    ['a name twice', changed((m) => (tensor(m, 1).name = 'embedding'))],
    ['a vector in int8', changed((m) => (tensor(m, 1).scheme = 'int8'))],
    ['a matrix of another scheme', changed((m) => (tensor(m, 0).scheme = 'fp8'))],
    ['a stream that ends elsewhere', changed((m) => (m.stream.bytes += 16))],
    ['a shard too few', changed((m) => m.shards.pop())],
    ['a shard too many', changed((m) => m.shards.push({ ...shard(m, 0), file: 'shard-0002.bin' }))],
    ['a shard of another size', changed((m) => (shard(m, 0).bytes -= 1))],
    ['a file twice', changed((m) => (shard(m, 1).file = shard(m, 0).file))],
    ['a shard named like the manifest', changed((m) => (shard(m, 0).file = 'manifest.json'))],
    ['a path out of the folder', changed((m) => (shard(m, 0).file = '../shard'))],
    ['an encoded path', changed((m) => (shard(m, 0).file = '%2e%2e%2fshard'))],
    ['an address in place of a file', changed((m) => (shard(m, 0).file = '//host/shard'))],
    ['no hash', changed((m) => (shard(m, 0).sha256 = ''))],
    ['a hash in capitals', changed((m) => (shard(m, 0).sha256 = 'A'.repeat(64)))],
    ['a tokenizer beyond reason', encode({ ...good, files: { 'tokenizer.json': { ...shard(good, 0), bytes: 1e9 } } })],
  ])('refuses %s', (_, text) => {
    expect(() => parseManifest(text)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
  });

  it.each([0, 2, '1', null])('says which version it understands instead of %j', (version) => {
    expect(() => parseManifest(encode({ ...good, version }))).toThrow(
      expect.objectContaining({
        code: 'manifest_version',
        message: expect.stringContaining('understands version 1') as string,
      }),
    );
  });

  it('takes any mutated manifest as a sane one or with a typed error', { timeout: 60_000 }, async () => {
    const meter = new AllocationMeter();
    const text = encode(good);
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(mutations, (changes) =>
        meter.measure(() => {
          try {
            const manifest = parseManifest(mutate(text, changes));
            const total = manifest.shards.reduce((sum, one) => sum + one.bytes, 0);
            expect(total).toBe(manifest.stream.bytes);
            accepted++;
          } catch (error) {
            expect(error).toBeInstanceOf(BambaError);
            expect(['manifest_invalid', 'manifest_version']).toContain((error as BambaError).code);
            expect((error as BambaError).message.length).toBeLessThan(500);
          }
        }),
      ),
      { numRuns: 10_000 },
    );
    expect(meter.most).toBeLessThan(MOST_ALLOCATED);
    expect(accepted).toBeGreaterThan(100);
    expect(accepted).toBeLessThan(9_000);
  });
});
