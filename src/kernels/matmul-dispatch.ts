import type { GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import type { MatrixPart } from './matrix.ts';

const TILE_ROWS = 64; // as in the library files
const SHORT = { LANES_T: 4 }; // tiles of 16 tokens, for the few new tokens of a turn
const LONG = { LANES_T: 8 }; // tiles of 64 tokens
const MOST_SHORT_TILES = 2; // that together still compute less than one long one that is not full

/**
 * The dispatch of a kernel on lib/matmul.wgsl or lib/matmul_int8.wgsl over one part of a matrix, with tiles that suit the
 * number of tokens.
 */
export function matmulDispatch(
  features: GpuFeatures,
  label: string,
  part: MatrixPart,
  spec: Pick<DispatchSpec, 'kernel' | 'variant' | 'params' | 'buffers'>,
): DispatchSpec {
  const tiles = (constants: { LANES_T: number }) => ({
    ...spec,
    constants: { ...constants, UNROLLED: unrolled(features) },
    grid: (tokens: number) =>
      [Math.ceil(part.rows / TILE_ROWS), Math.ceil(tokens / constants.LANES_T ** 2), 1] as const,
  });
  return { ...tiles(SHORT), label, upTo: { tokens: MOST_SHORT_TILES * SHORT.LANES_T ** 2, next: tiles(LONG) } };
}

/** The constant `UNROLLED`: not on processors, whose subgroups are narrow vectors, and which take seconds to compile it. */
export function unrolled({ subgroups, subgroupSize }: Pick<GpuFeatures, 'subgroups' | 'subgroupSize'>): number {
  return subgroups && subgroupSize >= 16 ? 1 : 0;
}
