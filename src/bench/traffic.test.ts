import { describe, expect, it } from 'vitest';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import { attentionDecode, attentionPartialFloats } from '../kernels/attention/attention_decode.ts';
import { embedToNorm } from '../kernels/shared/embed_to_norm.ts';
import { f32Product } from '../kernels/projections/matmul.ts';
import { matvecAddToNorm } from '../kernels/projections/matvec_add_to_norm.ts';
import type { Matrix } from '../kernels/projections/matrix.ts';
import { multiplyRows } from '../kernels/projections/projection.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { attentionDims } from '../model/dims.ts';
import { SHAPES } from './shapes.ts';
import { type Work, workOf } from './traffic.ts';

const shape = (name: keyof typeof SHAPES): Architecture => SHAPES[name];

describe('workOf', () => {
  const features = {
    subgroups: false,
    subgroupSize: 32,
    f16: false,
    timestamps: false,
    byteProducts: true,
    subgroupMatrices: false,
    quickByteProducts: true,
    fixedPoint: false,
    maxInvocations: 256,
    workgroupBytes: 16_384,
    narrowRows: 0,
  };
  const C = 4096;
  /** A slice of so many f32; nothing is bound. */
  const floats = (count: number): BufferSlice => ({ buffer: {} as GPUBuffer, offset: 0, size: count * 4 });
  const int8 = (rows: number, columns: number): Matrix => {
    const bytes = rows * (columns + 4);
    return { scheme: 'int8', rows, columns, parts: [{ slice: floats(bytes / 4), firstRow: 0, rows }] };
  };
  const pass = (position: number, tokens: number) => ({ architecture: shape('bamba-9b'), position, tokens });

  it('counts one row of the embedding, and of the sums the four that it writes', () => {
    const stream = { normWeight: floats(C), x: floats(C), h: floats(C), squares: floats(C / 4) };
    const [spec] = embedToNorm(features, 'test', { ids: floats(1), weights: int8(128_256, C), ...stream });
    expect(workOf(spec!, pass(9, 1))).toEqual({ bytes: 4 + C + 3 * 4 * C + 16, flops: 0 });
  });

  it('counts the residual stream twice where a kernel adds to it, and its input once', () => {
    const F = 14_336;
    const stream = { normWeight: floats(C), x: floats(C), h: floats(C), squares: floats(C / 4) };
    const [decode] = matvecAddToNorm(features, 'test', { v: floats(F), weights: int8(C, F), ...stream });
    const vectors = 4 * (F + /* norm */ C + 2 * C + /* h */ C + C / 4);
    expect(workOf(decode!, pass(9, 1))).toEqual({ bytes: C * (F + 4) + vectors, flops: 2 * C * F });
    const buffers = { x: floats(7 * F), weights: int8(C, F), y: floats(7 * C) };
    const added = { product: f32Product, action: 'add' } as const;
    const [prefill] = multiplyRows(features, 'test', added, buffers, { pass: 'short' });
    const rows = 7 * 4 * (F + 2 * C);
    expect(workOf(prefill!, pass(0, 7))).toEqual({ bytes: C * (F + 4) + rows, flops: 2 * C * F * 7 });
  });

  it('counts keys and values up to the new token, and partial results as if there were one split', () => {
    const dims = attentionDims(shape('bamba-9b'))!;
    const buffers = { qkv: floats(48 * 128), rope: floats(1e5), partial: floats(attentionPartialFloats(dims)) };
    const [keys, values] = [floats(1e6), floats(1e6)];
    const work = (type: CacheType, segments: readonly (readonly [first: number, tokens: number])[]) =>
      attentionDecode(
        features,
        'test',
        buffers,
        { type, segments: segments.map(([first, tokens]) => ({ keys, values, first, tokens })) },
        dims,
      ).map((spec) => workOf(spec, pass(99, 1)));
    const [{ bytes, flops }] = work('f32', [[0, 256]]) as [Work];
    const cached = 2 * 100 * 8 * 128;
    expect(bytes).toBe(4 * (48 * 128 + 64 + cached + 32 * (128 + 4)));
    expect(flops).toBe(4 * 32 * 128 * 100);
    const [half] = work('f16', [[0, 256]]);
    expect(bytes - half!.bytes).toBe(2 * cached);
    const [first, second] = work('f32', [
      [0, 64],
      [64, 64],
    ]);
    expect([first!.flops, second!.flops]).toEqual([4 * 32 * 128 * 64, 4 * 32 * 128 * 36]);
    expect(first!.bytes - second!.bytes).toBe(2 * 28 * 8 * 128 * 4);
  });
});
