import code from '../../../shaders/projections/matvecs_int8.wgsl?raw';
import { defineKernel } from '../../gpu/kernel.ts';

/** As `matvecs`, of vectors that `quantizeRows` has rounded; `roundedColumnsDispatches` makes dispatches of it. */
export const matvecsInt8Kernel = defineKernel({
  name: 'matvecs_int8',
  code,
  params: {
    rows: 'u32',
    first_row: 'u32',
    blocks: 'u32',
    columns4: 'u32',
    squares4: 'u32',
    eps: 'f32',
    scale: 'f32',
    q_blocks: 'u32',
    squares_stride: 'u32',
    y_stride: 'u32',
  },
  reads: ['q', 'q_scale', 'squares', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAMS', 'COLUMNS', 'DIGITS', 'NORMED', 'ACTION'],
  step: false,
});
