import code from '../../shaders/matmul_matrices.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { isOfIntegers, type Matrix, rowBlocks } from './matrix.ts';
import { quantizedRowBlocks, type QuantizedRows } from './quantize_rows.ts';

export const matmulMatricesKernel = defineKernel({
  name: 'matmul_matrices',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', x_blocks: 'u32', stride: 'u32' },
  reads: ['x', 'x_scale', 'weights'],
  writes: ['y'],
  constants: ['ACTION'],
  step: true,
});

// As in the shader.
const TILE_TOKENS = 64;
const TILE_ROWS = 128;
const ACTIONS = { set: 0, add: 1, swiglu: 2 } as const;

type Buffers = QuantizedRows & { weights: Matrix; y: BufferSlice };

function dispatches(action: keyof typeof ACTIONS) {
  return (features: GpuFeatures, label: string, { x, x_scale, weights, y }: Buffers): DispatchSpec[] => {
    const blocks = rowBlocks(weights);
    const x_blocks = quantizedRowBlocks(weights.columns);
    const stride = action === 'swiglu' ? weights.rows / 2 : weights.rows;
    return weights.parts.map((part) => ({
      kernel: matmulMatricesKernel,
      variant: variantFor(features, weights.scheme),
      label,
      params: { rows: part.rows, first_row: part.firstRow, blocks, x_blocks, stride },
      constants: { ACTION: ACTIONS[action] },
      buffers: { x, x_scale, weights: part.slice, y },
      grid: (tokens) => [Math.ceil(tokens / TILE_TOKENS), Math.ceil(part.rows / TILE_ROWS), 1],
    }));
  };
}

/** Whether the kernel multiplies such a matrix on such a device. Sums of more columns could leave i32. */
export function takesMatrix({ matrices }: GpuFeatures, matrix: Matrix): boolean {
  return matrices && isOfIntegers(matrix) && matrix.columns < 2 ** 16;
}

/** y = x . W^T; x (T, C) in 16 bits, weights (rows, C) of int8 or int4, y (T, rows). */
export const matmulMatrices = dispatches('set');

/** y += x . W^T; as `matmulMatrices`. */
export const matmulMatricesAdd = dispatches('add');

/** y[t, f] = silu(x[t] . W[2f]) * (x[t] . W[2f+1]); gate and up rows in turn, y (T, rows / 2). */
export const matmulMatricesSwiglu = dispatches('swiglu');
