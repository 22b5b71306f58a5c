import code from '../../../shaders/projections/quantize_rows_int16.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { columnBlocks } from './projection.ts';
import type { QuantizedRows } from './quantize_rows.ts';

export const quantizeRowsInt16Kernel = defineKernel({
  name: 'quantize_rows_int16',
  code,
  params: { columns4: 'u32', blocks: 'u32' },
  reads: ['x'],
  writes: ['y', 'scale'],
  constants: [],
  step: false,
});

/** Words and scales that a row of 16 bits a number takes, each 4 bytes. */
export function quantizedRowInt16Sizes(columns: number): { words: number; scales: number } {
  return { words: 2 * columnBlocks(columns) * 4, scales: 1 };
}

/** `to` = x in two digits of int8, `to.x` (T, 2, blocks), `to.x_scale` (T); x (T, columns). */
export function quantizeRowsInt16(
  features: GpuFeatures,
  label: string,
  x: BufferSlice,
  to: QuantizedRows,
  columns: number,
): DispatchSpec {
  return {
    kernel: quantizeRowsInt16Kernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, blocks: columnBlocks(columns) },
    buffers: { x, y: to.x, scale: to.x_scale },
    grid: (tokens) => [tokens, 1, 1],
  };
}
