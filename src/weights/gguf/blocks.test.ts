import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ggufBytes } from '../../testing/checkpoints/test-gguf.ts';
import { memorySource } from '../byte-source.ts';
import { Checkpoint } from '../checkpoint.ts';
import { encodeF16 } from '../half.ts';
import { BLOCK_TYPES } from './blocks.ts';
import { readGgufHeader } from './header.ts';

/** Random blocks of each type, and what the Python package `gguf` 0.19.0 says that they stand for. */
const FIXTURE = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../testing/fixtures/gguf-blocks.json'), 'utf8'),
) as Record<string, { blocks: string; values: string }>;

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function decoded(name: string, blocks: Uint8Array): Float32Array {
  const type = BLOCK_TYPES[name]!;
  const out = new Float32Array((blocks.length / type.bytes) * type.values);
  for (let i = 0; i < blocks.length / type.bytes; i++) type.decode(blocks, i * type.bytes, out, i * type.values);
  return out;
}

/** Two roundings to f32 against one: what values of this magnitude differ by at most. */
const ROUNDING = 2 ** -22;

describe('BLOCK_TYPES', () => {
  it('has a fixture for each type', () => {
    expect(Object.keys(FIXTURE).toSorted()).toEqual(Object.keys(BLOCK_TYPES).toSorted());
  });

  it.each(Object.keys(BLOCK_TYPES))('reads random blocks of %s as another program does', (name) => {
    const { blocks, values } = FIXTURE[name]!;
    const expected = new Float32Array(bytesOf(values).buffer);
    const found = decoded(name, bytesOf(blocks));
    expect(found).toHaveLength(expected.length);
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const [i, value] of expected.entries()) {
      expect(Math.abs(found[i]! - value), `weight ${i}`).toBeLessThanOrEqual(ROUNDING * largest);
    }
  });

  it('reads a block of Q4_1 that was written by hand', () => {
    const block = new Uint8Array(20);
    new DataView(block.buffer).setUint16(0, encodeF16(0.5), true);
    new DataView(block.buffer).setUint16(2, encodeF16(-2), true);
    // Weight 0 has 3, weight 16 has 15, all others 0.
    block[4] = 0xf3;
    const expected = Array.from({ length: 32 }, (_, i) => (i === 0 ? -0.5 : i === 16 ? 5.5 : -2));
    expect([...decoded('Q4_1', block)]).toEqual(expected);
  });

  it('reads any rows of a tensor of blocks', async () => {
    const { blocks, values } = FIXTURE['Q8_0']!;
    const data = bytesOf(blocks);
    const file = ggufBytes({ 'general.architecture': { text: 'x' } }, [
      { name: 'w', type: 'Q8_0', dims: [32, 4], data },
    ]);
    const source = memorySource({ 'x.gguf': file });
    const { tensors } = await readGgufHeader(source, 'x.gguf');
    const { dims, ...tensor } = tensors[0]!;
    const info = { ...tensor, file: 'x.gguf', shape: dims.toReversed() };
    const checkpoint = await Checkpoint.open({ ...source, tensors: async () => [info] });
    const all = new Float32Array(bytesOf(values).buffer);
    expect(await checkpoint.readRows('w', 1, 3)).toEqual(all.slice(32, 96));
  });
});

/** Python with the package `gguf`, where there is one. */
const PYTHON = process.env['GGUF_PYTHON'] ?? 'python3';
const SCRIPT = `
import base64, json, sys
import numpy
from gguf import quants, GGMLQuantizationType
given = json.load(sys.stdin)
for name, blocks in given.items():
    array = numpy.frombuffer(base64.b64decode(blocks), dtype=numpy.uint8)
    size = quants.GGML_QUANT_SIZES[getattr(GGMLQuantizationType, name)][1]
    given[name] = quants.dequantize(array.reshape(-1, size), getattr(GGMLQuantizationType, name)).reshape(-1).tolist()
json.dump(given, sys.stdout)
`;

function hasGguf(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import gguf, numpy'], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    console.warn('SKIPPED: dequantization against Python. `pip install gguf`, or name a Python in GGUF_PYTHON.');
    return false;
  }
}

describe.skipIf(!hasGguf())('the Python package gguf', () => {
  it('dequantizes the fixture as it did when it was made', () => {
    const given = Object.fromEntries(Object.entries(FIXTURE).map(([name, { blocks }]) => [name, blocks]));
    const text = execFileSync(PYTHON, ['-c', SCRIPT], { input: JSON.stringify(given), timeout: 60_000 });
    const found = JSON.parse(text.toString()) as Record<string, number[]>;
    for (const [name, { values }] of Object.entries(FIXTURE)) {
      expect(Float32Array.from(found[name]!), name).toEqual(new Float32Array(bytesOf(values).buffer));
    }
  });
});
