import type { DispatchSpec } from '../../gpu/plan.ts';
import type { PassLength } from '../../kernels/shared/pass-length.ts';

/** The tiles of short passes and of long ones, with the tokens of each: both take any number of tokens. */
export const MATMUL_TILES: readonly { pass: PassLength; tile: number }[] = [
  { pass: 'short', tile: 16 },
  { pass: 'long', tile: 64 },
];

/** The same with products written out, as on a GPU. */
export function unrolledTiles(specs: readonly DispatchSpec[]): DispatchSpec[] {
  return specs.map((spec) => ({ ...spec, constants: { ...spec.constants, UNROLLED: 1 } }));
}
