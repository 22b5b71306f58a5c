import { describe, expect, it } from 'vitest';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import type { Matrix } from '../kernels/projections/matrix.ts';
import { passLength } from '../kernels/shared/pass-length.ts';
import type { Action } from '../kernels/projections/projection.ts';
import { type Products, project } from './projections.ts';

// Which kernels read a prompt of so many tokens; what they compute is tested with them, on a device.

const buffer: BufferSlice = { buffer: { size: 2 ** 24 } as GPUBuffer, offset: 0, size: 2 ** 24 };
const rows = { x: buffer, x_scale: buffer };

function matrixOf(scheme: string, columns = 256): Matrix {
  const parts = [
    { slice: buffer, firstRow: 0, rows: 200 },
    { slice: buffer, firstRow: 200, rows: 56 },
  ];
  return { scheme, rows: 256, columns, parts };
}

/** Kernels that run in a pass of so many tokens; of products, with what becomes of their sums. */
function kernels(
  action: Action,
  weights: Matrix,
  tokens: number,
  { int8Activations = false, subgroupMatrices = false },
): string[] {
  const features: GpuFeatures = {
    f16: false,
    subgroups: true,
    timestamps: false,
    byteProducts: true,
    subgroupMatrices,
    subgroupSize: 32,
    quickByteProducts: true,
    fixedPoint: false,
    maxInvocations: 256,
    workgroupBytes: 16_384,
    narrowRows: 0,
  };
  const activations: Products['activations'] = {
    tokens: 256,
    quantized: int8Activations ? rows : null,
    quantizedInt16: subgroupMatrices ? rows : null,
  };
  const products = { features, activations, pass: passLength(tokens) };
  const specs = project(products, 'test', { x: buffer, weights, y: buffer }, { normed: true, action });
  return specs.map(({ kernel, constants = {} }) => {
    const code = constants['ACTION'];
    return code === undefined ? kernel.name : `${kernel.name} ${code}`;
  });
}

describe.each([
  { action: 'set', code: 0 },
  { action: 'add', code: 1 },
  { action: 'swiglu', code: 2 },
] as const)('project to $action', ({ action, code }) => {
  const floats = [`matmul ${code}`, `matmul ${code}`];
  const integers = ['quantize_rows', `matmul_int8 ${code}`, `matmul_int8 ${code}`];
  const ofMatrices = ['quantize_rows_int16', `matmul_subgroup_matrix ${code}`, `matmul_subgroup_matrix ${code}`];

  it.each(['int8', 'int4', 'fp8', 'f16'])(
    'multiplies floats by %s weights where nothing else is asked for',
    (scheme) => {
      for (const tokens of [1, 32, 33, 256]) expect(kernels(action, matrixOf(scheme), tokens, {})).toEqual(floats);
    },
  );

  it('multiplies integers where activations are rounded to int8, but for weights that are none', () => {
    for (const tokens of [1, 32, 33, 256]) {
      const list = (scheme: string) => kernels(action, matrixOf(scheme), tokens, { int8Activations: true });
      expect([list('int8'), list('int4'), list('fp8')]).toEqual([integers, integers, floats]);
    }
  });

  it('multiplies subgroup matrices in passes that are longer than short tiles are for', () => {
    for (const tokens of [1, 32, 33, 256]) {
      for (const scheme of ['int8', 'int4']) {
        const list = (options: object) =>
          kernels(action, matrixOf(scheme), tokens, { subgroupMatrices: true, ...options });
        expect(list({})).toEqual(tokens > 32 ? ofMatrices : floats);
        expect(list({ int8Activations: true })).toEqual(tokens > 32 ? ofMatrices : integers);
      }
    }
  });

  it('leaves other weights, and too many columns, to the others', () => {
    const list = (weights: Matrix) => kernels(action, weights, 256, { subgroupMatrices: true });
    expect([list(matrixOf('fp8')), list(matrixOf('int8', 2 ** 16))]).toEqual([floats, floats]);
  });
});
