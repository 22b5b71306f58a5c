import type { GpuFeatures } from '../../gpu/device.ts';
import type { PassLength } from './pass-length.ts';
import type { Tiles } from '../projections/projection.ts';

/** Rows of a tile of one team, as in shaders/lib/tile.wgsl. */
export const TILE_ROWS = 64;

/** Invocations along the tokens of a tile, each with as many: tiles of 16 tokens, and of 64. */
const LANES: Readonly<Record<PassLength, number>> = { short: 4, long: 8 };

/** Tiles of a kernel on lib/matmul_int8.wgsl, and of long passes on lib/matmul.wgsl. */
export function laneTiles(features: GpuFeatures, pass: PassLength): Tiles {
  const LANES_T = LANES[pass];
  return {
    constants: { LANES_T, UNROLLED: unrolled(features) },
    grid: (tokens, rows) => [Math.ceil(rows / TILE_ROWS), Math.ceil(tokens / LANES_T ** 2), 1],
  };
}

/** Invocations along the rows of a tile whose columns several teams share. */
const TEAM_LANES_R = 8;
/** As many as every device has workgroup memory for, at 3 KiB each. */
const TEAMS = 4;

/**
 * Tiles of lib/matmul.wgsl. Short passes have few of them, which wait for memory at every step: more teams take fewer steps.
 */
export function teamTiles(features: GpuFeatures, pass: PassLength): Tiles {
  if (pass === 'long') {
    const { constants, grid } = laneTiles(features, pass);
    return { constants: { ...constants, LANES_R: TILE_ROWS / 4, TEAMS: 1 }, grid };
  }
  const LANES_T = LANES.short;
  return {
    constants: { LANES_T, LANES_R: TEAM_LANES_R, TEAMS, UNROLLED: unrolled(features) },
    grid: (tokens, rows) => [Math.ceil(rows / (4 * TEAM_LANES_R)), Math.ceil(tokens / LANES_T ** 2), 1],
  };
}

/** The constant `UNROLLED`: not on processors, whose subgroups are narrow vectors, and which take seconds to compile it. */
export function unrolled({ subgroups, subgroupSize }: Pick<GpuFeatures, 'subgroups' | 'subgroupSize'>): number {
  return subgroups && subgroupSize >= 16 ? 1 : 0;
}
