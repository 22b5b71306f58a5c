import type { Grid } from '../../gpu/plan.ts';

const FOLD = 32_768; // as in shaders/lib/grid.wgsl; a dimension may have 65,535 workgroups

/** A one-dimensional grid of any size, folded into y; kernels unfold it with `folded_group`. */
export function foldedGrid(groups: number): Grid {
  return [Math.min(groups, FOLD), Math.ceil(groups / FOLD), 1];
}

/** The least power of two that is at least `value`. */
export function nextPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}
