import { rmsNorm } from './rms_norm.ts';
import { silu } from './silu.ts';
import { at, rowCount, type Values } from './values.ts';

/** y * silu(z): the gate without a norm. y, z and the result of one shape. */
export function siluGate(y: Values, z: Values): Float64Array {
  return Float64Array.from({ length: y.length }, (_, index) => at(y, index) * silu(at(z, index)));
}

/**
 * rms_norm(y * silu(z)), the gate before the norm, or rms_norm(y) * silu(z) where `gateLast`; each of `groups` equal spans of
 * channels has its own mean square. y, z and the result (T, I), weight (I).
 */
export function rmsNormGated(
  y: Values,
  z: Values,
  weight: Values,
  { eps, groups, gateLast = false }: { eps: number; groups: number; gateLast?: boolean | undefined },
): Float64Array {
  const I = weight.length;
  const width = I / groups;
  const T = rowCount(y, I);
  const gated = gateLast ? Float64Array.from(y) : siluGate(y, z);
  const out = new Float64Array(T * I);
  for (let t = 0; t < T; t++) {
    for (let group = 0; group < groups; group++) {
      const first = group * width;
      const ofGroup = Float64Array.from({ length: width }, (_, c) => at(weight, first + c));
      out.set(rmsNorm(gated.subarray(t * I + first, t * I + first + width), ofGroup, eps), t * I + first);
    }
  }
  return gateLast ? siluGate(out, z) : out;
}
