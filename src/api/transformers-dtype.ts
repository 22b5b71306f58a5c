import type { Scheme } from '../engine/protocol.ts';

/** A type of matrices by the names of transformers.js. */
export type TheirDtype = 'fp32' | 'fp16' | 'q8' | 'q4';

const SCHEMES: Readonly<Record<TheirDtype, Scheme>> = { fp32: 'f32', fp16: 'f16', q8: 'int8', q4: 'int4' };

/** The type by our names; what is none of theirs stays as it is. */
export function schemeOf(dtype: Scheme | TheirDtype): Scheme {
  return Object.hasOwn(SCHEMES, dtype) ? SCHEMES[dtype as TheirDtype] : (dtype as Scheme);
}
