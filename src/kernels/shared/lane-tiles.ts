import type { GpuFeatures } from '../../gpu/device.ts';
import type { PassLength } from './pass-length.ts';
import type { Grid } from '../../gpu/plan.ts';

/** Rows of a tile of one team, as in shaders/lib/tile.wgsl. */
export const TILE_ROWS = 64;

/** How a kernel's workgroups share the sums. */
export interface Tiles {
  /** Besides `ACTION`. */
  constants: Readonly<Record<string, number>>;
  grid: (tokens: number, rows: number) => Grid;
}

/** How the invocations of a workgroup share a tile, as in shaders/lib/tile.wgsl. */
interface TileShape {
  LANES_T: number;
  LANES_R: number;
  TEAMS: number;
}

/** 64 tokens by 64 rows. */
const LARGE: TileShape = { LANES_T: 8, LANES_R: 16, TEAMS: 1 };

/**
 * 16 tokens by 32 rows. A pass has few tiles of a matrix then, which wait for memory at every step: teams take fewer steps
 * each. They are as many as every device has workgroup memory for, at 3 KiB each.
 */
const SMALL: TileShape = { LANES_T: 4, LANES_R: 8, TEAMS: 4 };

/** The size of a product's tiles. */
export type TileSize = 'small' | 'large';

/** What tells a processor from a GPU: its subgroups are narrow vectors. */
type Subgroups = Pick<GpuFeatures, 'subgroups' | 'subgroupSize'>;

/**
 * That of a matrix of so many rows: small in short passes, where the matrix is narrow, and on processors. A processor gains
 * nothing from large tiles, and compiles them for longer than a short prompt takes.
 */
export function tileSize(
  features: Subgroups & Pick<GpuFeatures, 'narrowRows'>,
  pass: PassLength,
  rows: number,
): TileSize {
  return pass === 'short' || rows <= features.narrowRows || isProcessor(features) ? 'small' : 'large';
}

function isProcessor({ subgroups, subgroupSize }: Subgroups): boolean {
  return subgroups && subgroupSize < 16;
}

const SHAPES: Readonly<Record<TileSize, TileShape>> = { small: SMALL, large: LARGE };

/** Tiles of a kernel on lib/tile.wgsl. */
export function laneTiles(features: GpuFeatures, size: TileSize): Tiles {
  const { LANES_T, LANES_R, TEAMS } = SHAPES[size];
  return {
    constants: { LANES_T, LANES_R, TEAMS, UNROLLED: unrolled(features) },
    grid: (tokens, rows) => [Math.ceil(rows / (4 * LANES_R)), Math.ceil(tokens / LANES_T ** 2), 1],
  };
}

/** The constant `UNROLLED`: not on processors, which take seconds to compile it, nor where nothing tells them apart. */
export function unrolled(features: Subgroups): number {
  return features.subgroups && !isProcessor(features) ? 1 : 0;
}
