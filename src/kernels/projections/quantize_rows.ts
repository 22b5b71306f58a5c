import code from '../../../shaders/projections/quantize_rows.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { columnBlocks } from './projection.ts';

export const quantizeRowsKernel = defineKernel({
  name: 'quantize_rows',
  code,
  params: { columns4: 'u32', blocks: 'u32' },
  reads: ['x'],
  writes: ['y', 'scale'],
  constants: [],
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

/** Words and scales that such a row takes, each 4 bytes. */
export function quantizedRowSizes(columns: number): { words: number; scales: number } {
  return { words: columnBlocks(columns) * 4, scales: Math.ceil(columns / GROUP) };
}

/** `to` = x in int8; x (T, columns). */
export function quantizeRows(
  features: GpuFeatures,
  label: string,
  x: BufferSlice,
  to: QuantizedRows,
  columns: number,
): DispatchSpec {
  const blocks = columnBlocks(columns);
  return {
    kernel: quantizeRowsKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, blocks },
    buffers: { x, y: to.x, scale: to.x_scale },
    grid: (tokens) => [Math.ceil(blocks / WORKGROUP_BLOCKS), tokens, 1],
  };
}
