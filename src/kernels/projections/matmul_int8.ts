import code from '../../../shaders/projections/matmul_int8.wgsl?raw';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import { laneTiles } from '../shared/lane-tiles.ts';
import type { Product } from './projection.ts';

export const matmulInt8Kernel = defineKernel({
  name: 'matmul_int8',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', x_blocks: 'u32', stride: 'u32', scale: 'f32' },
  reads: ['x', 'x_scale', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'LANES_R', 'TEAMS', 'UNROLLED', 'ACTION'],
  step: true,
});

/** Of x (T, C) in int8, as `quantizeRows` leaves it, with weights of scheme int8 or int4. */
export const int8Product: Product = {
  kernel: matmulInt8Kernel,
  variant: (features, { scheme }) => variantFor(features, scheme),
  tiles: laneTiles,
};
