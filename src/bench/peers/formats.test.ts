import { describe, expect, it } from 'vitest';
import { packageTensors } from '../../architecture/config.ts';
import { decodeF16 } from '../../weights/half.ts';
import { planTensors } from '../../weights/package-writer.ts';
import { dequantizeMatrix } from '../../weights/quantize.ts';
import { SHAPES } from '../shapes.ts';
import { ggufHybrid } from './gguf-hybrid.ts';
import { PiecedFile } from './gguf.ts';
import { OnnxFiles } from './onnx-files.ts';
import { ownPackage } from './own-package.ts';
import { codePool, fillCyclic, plainTensor, type RandomMatrix, randomMatrices } from './random-model.ts';

// The same weights in three formats: each is read back here by its own rules.

const architecture = { ...SHAPES.tiny, tiedHead: false };

/** (rows, columns) as the definition says. */
function weights({ rows, columns, bits, start, scale }: RandomMatrix): Float32Array {
  const pool = codePool(bits);
  return Float32Array.from({ length: rows * columns }, (_, i) => scale * pool[(start + i) % pool.length]!);
}

describe.each(['int8', 'int4'] as const)('random weights of %s', (scheme) => {
  const matrices = randomMatrices(architecture, scheme);
  const of = (name: string) => weights(matrices.get(name)!);

  it('are a package of ours', async () => {
    const source = ownPackage(architecture, scheme, matrices);
    const shard = await source.shard(0);
    expect(source.manifest.tensors).toEqual(planTensors(packageTensors(architecture), scheme));
    const stored = new Map(
      source.manifest.tensors.map((entry) => {
        const bytes = shard.slice(entry.offset, entry.offset + entry.bytes);
        const [rows, columns] = entry.shape as [number, number];
        const values = entry.scheme === 'f32' ? new Float32Array(bytes.buffer) : null;
        return [entry.name, values ?? dequantizeMatrix(entry.scheme, bytes, rows, columns)];
      }),
    );
    for (const name of ['embedding', 'head']) expect(stored.get(name)).toEqual(of(name));
    for (const name of ['in_proj', 'out_proj']) {
      expect(stored.get(`blocks.0.mamba2.${name}`)).toEqual(of(`blocks.0.${name}`));
    }
    expect(stored.get('blocks.1.attention.qkv')).toEqual(
      Float32Array.from(['q', 'k', 'v'].flatMap((name) => [...of(`blocks.1.${name}`)])),
    );
    expect(stored.get('blocks.1.attention.o_proj')).toEqual(of('blocks.1.o'));
    const [gate, up] = [of('blocks.2.gate'), of('blocks.2.up')];
    const { columns } = matrices.get('blocks.2.gate')!;
    const interleaved = stored.get('blocks.2.gate_up')!;
    for (let row = 0; row < interleaved.length / columns; row++) {
      const half = Math.floor(row / 2) * columns;
      const expected = (row % 2 === 0 ? gate : up).subarray(half, half + columns);
      expect(interleaved.subarray(row * columns, (row + 1) * columns)).toEqual(expected);
    }
    expect(stored.get('blocks.2.mamba2.a')!.slice(0, 4)).toEqual(plainTensor('blocks.2.mamba2.a', 4));
  });

  it("are ONNX Runtime's files", () => {
    const files = new OnnxFiles(matrices.values());
    const data = new Map(files.read().map(({ path, data: bytes }) => [path, bytes]));
    for (const matrix of matrices.values()) {
      const at = files.codes(matrix);
      const codes = data.get(at.file)!.subarray(at.offset, at.offset + at.bytes);
      const scaleAt = files.scales(matrix);
      const scales = new Float32Array(
        data.get(scaleAt.file)!.slice(scaleAt.offset, scaleAt.offset + scaleAt.bytes).buffer,
      );
      const count = matrix.rows * matrix.columns;
      const decoded = Float32Array.from({ length: count }, (_, i) => {
        const stored = matrix.bits === 8 ? codes[i]! - 128 : ((codes[i >> 1]! >> (4 * (i & 1))) & 15) - 8;
        return stored * scales[i >> 5]!;
      });
      expect(decoded, matrix.name).toEqual(weights(matrix));
    }
  });

  it('are a GGUF file', async () => {
    const { metadata, tensors } = readGguf(await ggufHybrid(architecture, matrices).arrayBuffer());
    expect(metadata.get('general.architecture')).toBe('granitehybrid');
    expect(metadata.get('granitehybrid.attention.head_count_kv')).toEqual([0, 1, 0]);
    expect(metadata.get('granitehybrid.rope.freq_base')).toBeCloseTo(10_000, 0);
    expect(new Set(metadata.get('tokenizer.ggml.tokens') as string[]).size).toBe(architecture.vocabSize);
    expect(tensors.get('token_embd.weight')).toEqual(of('embedding'));
    expect(tensors.get('output.weight')).toEqual(of('head'));
    expect(tensors.get('blk.0.ssm_in.weight')).toEqual(of('blocks.0.in_proj'));
    expect(tensors.get('blk.1.attn_v.weight')).toEqual(of('blocks.1.v'));
    expect(tensors.get('blk.2.ffn_down.weight')).toEqual(of('blocks.2.down'));
    expect(tensors.get('blk.2.ssm_a')).toEqual(plainTensor('blocks.2.mamba2.a', 4));
    // Of 32 dimensions 16 are rotated: rows 0 1 2 3 … are ours 0 8 1 9 …, in the second head too.
    const { columns } = matrices.get('blocks.1.q')!;
    const row = (values: Float32Array, index: number) => values.slice(index * columns, (index + 1) * columns);
    const [theirs, ours] = [tensors.get('blk.1.attn_q.weight')!, of('blocks.1.q')];
    for (const [index, from] of [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 16, 17].entries()) {
      expect(row(theirs, 32 + index)).toEqual(row(ours, 32 + from));
    }
  });
});

it('slices a file of pieces', async () => {
  const file = new PiecedFile([Uint8Array.of(0, 1, 2), new Uint8Array(0), Uint8Array.of(3, 4), Uint8Array.of(5)]);
  for (let begin = 0; begin <= 6; begin++) {
    for (let end = begin; end <= 8; end++) {
      const bytes = [...new Uint8Array(await file.slice(begin, end).arrayBuffer())];
      expect(bytes).toEqual([0, 1, 2, 3, 4, 5].slice(begin, end));
    }
  }
});

it('fills with a pool over and over', () => {
  const target = new Uint8Array(8);
  fillCyclic(target, Uint8Array.of(1, 2, 3), 5);
  expect([...target]).toEqual([3, 1, 2, 3, 1, 2, 3, 1]);
});

/** Reads a GGUF file as the format's description says, with dequantized tensors. */
function readGguf(file: ArrayBuffer) {
  const view = new DataView(file);
  let at = 0;
  const advance = (bytes: number) => (at += bytes) - bytes;
  const u32 = () => view.getUint32(advance(4), true);
  const u64 = () => Number(view.getBigUint64(advance(8), true));
  const text = () => {
    const length = u64();
    return new TextDecoder().decode(new Uint8Array(file, advance(length), length));
  };
  const value = (type: number): unknown => {
    if (type === 4) return u32();
    if (type === 5) return view.getInt32(advance(4), true);
    if (type === 6) return view.getFloat32(advance(4), true);
    if (type === 7) return view.getUint8(advance(1)) === 1;
    if (type === 8) return text();
    const element = u32();
    return Array.from({ length: u64() }, () => value(element));
  };
  expect(String.fromCharCode(...new Uint8Array(file, advance(4), 4))).toBe('GGUF');
  expect(u32()).toBe(3);
  const [tensorCount, keyCount] = [u64(), u64()];
  const metadata = new Map(Array.from({ length: keyCount }, () => [text(), value(u32())] as const));
  const infos = Array.from({ length: tensorCount }, () => {
    const name = text();
    const dims = Array.from({ length: u32() }, u64);
    return { name, count: dims.reduce((product, dim) => product * dim, 1), type: u32(), offset: u64() };
  });
  const data = Math.ceil(at / 32) * 32;
  const tensors = new Map(
    infos.map(({ name, count, type, offset }) => {
      expect(offset % 32, name).toBe(0);
      const begin = data + offset;
      if (type === 0) return [name, new Float32Array(file.slice(begin, begin + 4 * count))];
      const blockBytes = type === 8 ? 34 : 18;
      const values = Float32Array.from({ length: count }, (_, i) => {
        const block = begin + (i >> 5) * blockBytes;
        const scale = decodeF16(view.getUint16(block, true));
        const within = i & 31;
        if (type === 8) return scale * view.getInt8(block + 2 + within);
        return scale * (((view.getUint8(block + 2 + (within & 15)) >> (within < 16 ? 0 : 4)) & 15) - 8);
      });
      return [name, values];
    }),
  );
  return { metadata, tensors };
}
