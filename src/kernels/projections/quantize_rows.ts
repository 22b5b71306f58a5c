import code from '../../../shaders/projections/quantize_rows.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { columnBlocks } from './projection.ts';

export const quantizeRowsKernel = defineKernel({
  name: 'quantize_rows',
  code,
  params: { columns4: 'u32', blocks: 'u32', x_stride: 'u32', squares4: 'u32', squares_stride: 'u32', eps: 'f32' },
  reads: ['x', 'squares'],
  writes: ['y', 'scale'],
  constants: ['DIGITS', 'NORMED'],
  step: false,
});

const GROUP = 128; // as in the shader
const WORKGROUP_BLOCKS = 64;

/** Rows of int8 on the GPU, 16 in a block, with a scale for each group of 128 columns. */
export interface QuantizedRows {
  /** (T, blocks) of 16 bytes. */
  x: BufferSlice;
  /** (T, groups) f32. */
  x_scale: BufferSlice;
}

/** Of int8 that a number becomes. */
export type Digits = 1 | 2;

/** Words and scales that such a row takes, each 4 bytes. */
export function quantizedRowSizes(columns: number, digits: Digits = 1): { words: number; scales: number } {
  return { words: digits * columnBlocks(columns) * 4, scales: Math.ceil(columns / GROUP) };
}

/** `to` = x in int8; x (T, columns). */
export function quantizeRows(
  features: GpuFeatures,
  label: string,
  x: BufferSlice,
  to: QuantizedRows,
  columns: number,
): DispatchSpec {
  const spec = quantizeVectors(features, label, { x, stride4: columns / 4, columns, rows: 0 }, to, 1);
  return { ...spec, grid: (tokens) => [groupsOf(columns), tokens, 1] };
}

/** Vectors on the GPU: (rows, columns), from a row to the next `stride4` vec4f. */
interface Vectors {
  x: BufferSlice;
  stride4: number;
  columns: number;
  rows: number;
  /** Of vectors on their way out of a norm: partial sums of the inputs' squares, `squares4` vec4f of a row. */
  norm?: { squares: BufferSlice; squares4: number; stride4: number; eps: number } | null;
}

/** `to` = x in so many digits of int8, upper ones before lower ones: (rows, digits, blocks). The scales divide by the norm. */
export function quantizeVectors(
  features: GpuFeatures,
  label: string,
  { x, stride4, columns, rows, norm = null }: Vectors,
  to: QuantizedRows,
  digits: Digits,
): DispatchSpec {
  return {
    kernel: quantizeRowsKernel,
    variant: variantFor(features),
    label,
    params: {
      columns4: columns / 4,
      blocks: columnBlocks(columns),
      x_stride: stride4,
      squares4: norm?.squares4 ?? 0,
      squares_stride: norm?.stride4 ?? 0,
      eps: norm?.eps ?? 0,
    },
    constants: { DIGITS: digits, NORMED: norm ? 1 : 0 },
    // Where squares are not read, anything may stand for them.
    buffers: { x, squares: norm?.squares ?? x, y: to.x, scale: to.x_scale },
    grid: [groupsOf(columns), rows, 1],
  };
}

function groupsOf(columns: number): number {
  return Math.ceil(columnBlocks(columns) / WORKGROUP_BLOCKS);
}
