import code from '../../../shaders/projections/matvecs.wgsl?raw';
import { defineKernel } from '../../gpu/kernel.ts';

/** Products of a matrix with the vectors of several sequences; `columnsDispatch` makes dispatches of it. */
export const matvecsKernel = defineKernel({
  name: 'matvecs',
  code,
  params: {
    rows: 'u32',
    first_row: 'u32',
    blocks: 'u32',
    columns4: 'u32',
    squares4: 'u32',
    eps: 'f32',
    scale: 'f32',
    v_stride: 'u32',
    squares_stride: 'u32',
    y_stride: 'u32',
  },
  reads: ['v', 'squares', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAMS', 'COLUMNS', 'NORMED', 'ACTION'],
  step: false,
});
