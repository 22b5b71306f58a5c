import type { DispatchSpec } from '../gpu/plan.ts';
import type { MatrixPart } from './matrix.ts';

const TILE_ROWS = 64; // as in the library files
const SHORT = { LANES_T: 4 }; // tiles of 16 tokens, for the few new tokens of a turn
const LONG = { LANES_T: 16 }; // tiles of 64 tokens
const MOST_SHORT_TILES = 2; // that together still compute less than one long one that is not full

/**
 * The dispatch of a kernel on lib/matmul.wgsl or lib/matmul_int8.wgsl over one part of a matrix, with tiles that suit the
 * number of tokens.
 */
export function matmulDispatch(
  label: string,
  part: MatrixPart,
  spec: Pick<DispatchSpec, 'kernel' | 'variant' | 'params' | 'buffers'>,
): DispatchSpec {
  const tiles = (constants: { LANES_T: number }) => ({
    ...spec,
    constants,
    grid: (tokens: number) =>
      [Math.ceil(part.rows / TILE_ROWS), Math.ceil(tokens / (4 * constants.LANES_T)), 1] as const,
  });
  return { ...tiles(SHORT), label, upTo: { tokens: MOST_SHORT_TILES * 4 * SHORT.LANES_T, next: tiles(LONG) } };
}
