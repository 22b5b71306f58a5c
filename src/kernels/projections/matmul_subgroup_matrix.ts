import code from '../../../shaders/projections/matmul_subgroup_matrix.wgsl?raw';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import { isOfIntegers, type Matrix } from './matrix.ts';
import type { Product } from './projection.ts';

export const matmulSubgroupMatrixKernel = defineKernel({
  name: 'matmul_subgroup_matrix',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', x_blocks: 'u32', stride: 'u32', scale: 'f32' },
  reads: ['x', 'x_scale', 'weights'],
  writes: ['y'],
  constants: ['ACTION'],
  step: true,
});

// As in shaders/lib/subgroup_matrix.wgsl.
const TILE_TOKENS = 64;
const TILE_ROWS = 128;

/** The product of x (T, C) in 16 bits, as `quantizeRowsInt16` leaves it, with weights of scheme int8 or int4. */
export const subgroupMatrixProduct: Product = {
  kernel: matmulSubgroupMatrixKernel,
  variant: (features, { scheme }) => variantFor(features, scheme),
  tiles: () => ({
    constants: {},
    grid: (tokens, rows) => [Math.ceil(tokens / TILE_TOKENS), Math.ceil(rows / TILE_ROWS), 1],
  }),
};

/** Whether the kernel multiplies such a matrix on such a device. Sums of more columns could leave i32. */
export function takesSubgroupMatrices({ subgroupMatrices }: GpuFeatures, matrix: Matrix): boolean {
  return subgroupMatrices && isOfIntegers(matrix) && matrix.columns < 2 ** 16;
}
