import type { GpuFeatures } from '../../gpu/device.ts';
import type { PassLength } from './pass-length.ts';
import type { Tiles } from '../projections/projection.ts';

/** Rows of a tile, as in shaders/lib/tile.wgsl. */
export const TILE_ROWS = 64;

/** Invocations along the tokens of a tile, each with as many: tiles of 16 tokens, and of 64. */
const LANES: Readonly<Record<PassLength, number>> = { short: 4, long: 8 };

/** Tiles of a kernel on lib/matmul.wgsl or lib/matmul_int8.wgsl. */
export function laneTiles(features: GpuFeatures, pass: PassLength): Tiles {
  const LANES_T = LANES[pass];
  return {
    constants: { LANES_T, UNROLLED: unrolled(features) },
    grid: (tokens, rows) => [Math.ceil(rows / TILE_ROWS), Math.ceil(tokens / LANES_T ** 2), 1],
  };
}

/** The constant `UNROLLED`: not on processors, whose subgroups are narrow vectors, and which take seconds to compile it. */
export function unrolled({ subgroups, subgroupSize }: Pick<GpuFeatures, 'subgroups' | 'subgroupSize'>): number {
  return subgroups && subgroupSize >= 16 ? 1 : 0;
}
