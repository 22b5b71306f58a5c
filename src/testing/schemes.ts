import { type Kernel, takesScheme } from '../gpu/kernel.ts';
import { shaderLibrary } from '../kernels/library.ts';
import { SCHEMES } from '../weights/manifest.ts';
import type { Scheme } from '../weights/types.ts';

/** The schemes that a kernel has code for. */
export function schemesOf(kernel: Kernel): Scheme[] {
  return SCHEMES.filter((scheme) => takesScheme(kernel, shaderLibrary, scheme));
}
