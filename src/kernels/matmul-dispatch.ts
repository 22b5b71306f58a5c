import type { GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import type { MatrixPart } from './matrix.ts';

/** Constants of a kernel on lib/matmul.wgsl or lib/matmul_int8.wgsl: the shape of its tile, and of each invocation's share of it. */
interface Tile {
  LANES_T: number;
  QUADS: number;
}

const TILE_ROWS = 64; // as in the library files
const SHORT = { LANES_T: 4, QUADS: 1 }; // tiles of 16 tokens, for the few new tokens of a turn
const SPREAD = { LANES_T: 16, QUADS: 1 }; // tiles of 64 tokens in 256 invocations
const DENSE = { LANES_T: 8, QUADS: 2 }; // the same in 64 invocations, which read a tile half as often

/** Workgroups that keep a large GPU busy with few invocations each. */
const MANY_WORKGROUPS = 320;

function tileTokens({ LANES_T, QUADS }: Tile): number {
  return 4 * LANES_T * QUADS;
}

/**
 * The dispatch of such a kernel over one part of a matrix, with tiles that suit the number of tokens. Dense tiles pay for
 * integers on GPUs: with floating-point numbers they are no faster on an H100, and processors, which have subgroups
 * narrower than 16, take long to compile them.
 */
export function matmulDispatch(
  features: GpuFeatures,
  label: string,
  part: MatrixPart,
  kind: 'float' | 'integer',
  spec: Pick<DispatchSpec, 'kernel' | 'variant' | 'params' | 'buffers'>,
): DispatchSpec {
  const rowTiles = Math.ceil(part.rows / TILE_ROWS);
  const tiles = (constants: Tile) => ({
    ...spec,
    constants: { ...constants },
    grid: (tokens: number) => [rowTiles, Math.ceil(tokens / tileTokens(constants)), 1] as const,
  });
  const dense = kind === 'integer' && features.subgroupSize >= 16;
  // Most tokens of which tiles of 64 make too few workgroups.
  const few = (Math.ceil(MANY_WORKGROUPS / rowTiles) - 1) * tileTokens(DENSE);
  const long = dense ? { upTo: { tokens: few, next: tiles(DENSE) } } : {};
  return { ...tiles(SHORT), label, upTo: { tokens: tileTokens(SHORT), next: { ...tiles(SPREAD), ...long } } };
}
