import { fileURLToPath } from 'node:url';
import { compactShader, shortNames } from '../cli/bootstrap/compact-wgsl.mjs';
import type { Kernel, ShaderLibrary } from '../gpu/kernel.ts';

// Shaders as the package ships them.

const names = shortNames(fileURLToPath(new URL('../../shaders', import.meta.url)));

/** The kernel with its shader as it is shipped, where that does not come with the library. */
export function shippedKernel(kernel: Kernel): Kernel {
  return kernel.code === undefined ? kernel : { ...kernel, code: compactShader(kernel.code, names) };
}

/** The library files as they are shipped. */
export function shippedLibrary(library: ShaderLibrary): ShaderLibrary {
  return Object.fromEntries(Object.entries(library).map(([file, text]) => [file, compactShader(text, names)]));
}
