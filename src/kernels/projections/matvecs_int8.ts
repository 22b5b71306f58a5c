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
    scale: 'f32',
    q_blocks: 'u32',
    y_stride: 'u32',
  },
  reads: ['q', 'q_scale', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAMS', 'COLUMNS', 'DIGITS', 'ROWS4', 'ACTION'],
  step: false,
});
