import type { Kernel } from '../../gpu/kernel.ts';
import { shaderLibrary } from '../../kernels/shared/library.ts';
import { SCHEMES } from '../../weights/manifest.ts';
import type { Scheme } from '../../weights/types.ts';

/** The schemes that a kernel has code for: all files that differ by it. */
export function schemesOf(kernel: Kernel): Scheme[] {
  const uses = /^\/\/ uses: (.*)\n/.exec(kernel.code)?.[1]?.split(', ') ?? [];
  return SCHEMES.filter((scheme) =>
    uses.every((name) => shaderLibrary[name] ?? shaderLibrary[name.replace('.wgsl', `_${scheme}.wgsl`)]),
  );
}
