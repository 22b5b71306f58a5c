import code from '../../../shaders/projections/matmul.wgsl?raw';
import { defineKernel } from '../../gpu/kernel.ts';
import { laneTiles } from '../shared/lane-tiles.ts';
import { matmulVariant } from './matrix.ts';
import type { Product } from './projection.ts';

export const matmulKernel = defineKernel({
  name: 'matmul',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', stride: 'u32', scale: 'f32' },
  reads: ['x', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'LANES_R', 'TEAMS', 'UNROLLED', 'ACTION'],
  step: true,
});

/** Of x (T, C) in f32. Half-precision tiles are used for inputs that come out of a norm only, and where tiles are large. */
export const f32Product: Product = {
  kernel: matmulKernel,
  variant: (features, weights, normed, size) => matmulVariant(features, weights, normed && size === 'large'),
  tiles: laneTiles,
};
