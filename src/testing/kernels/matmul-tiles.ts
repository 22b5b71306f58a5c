import type { GpuFeatures } from '../../gpu/device.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { PassLength } from '../../kernels/shared/pass-length.ts';

/** The tiles of short passes and of long ones, with the tokens of each: both take any number of tokens. */
export const MATMUL_TILES: readonly { pass: PassLength; tile: number }[] = [
  { pass: 'short', tile: 16 },
  { pass: 'long', tile: 64 },
];

/** Features with which both tiles are taken: a processor, known by its subgroups, takes small ones alone. */
export function ofAnyTile(features: GpuFeatures): GpuFeatures {
  return { ...features, subgroups: false };
}

/** The same with products written out, as on a GPU. */
export function unrolledTiles(specs: readonly DispatchSpec[]): DispatchSpec[] {
  return specs.map((spec) => ({ ...spec, constants: { ...spec.constants, UNROLLED: 1 } }));
}
