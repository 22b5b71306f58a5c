import code from '../../../shaders/projections/matvecs_int8_add_to_norm.wgsl?raw';
import { defineKernel } from '../../gpu/kernel.ts';

/** As `matvecs_int8`, added to the streams of the sequences; `roundedColumnsDispatches` makes dispatches of it. */
export const matvecsInt8AddToNormKernel = defineKernel({
  name: 'matvecs_int8_add_to_norm',
  code,
  params: {
    rows: 'u32',
    first_row: 'u32',
    blocks: 'u32',
    q_blocks: 'u32',
    x_stride: 'u32',
    h_stride: 'u32',
    x_squares_stride: 'u32',
  },
  reads: ['q', 'q_scale', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'x_squares'],
  constants: ['WG', 'TEAMS', 'COLUMNS', 'DIGITS', 'ROWS4'],
  step: false,
});
