import type { Kernel } from '../gpu/kernel.ts';
import { SCHEMES } from '../weights/manifest.ts';
import type { Scheme } from '../weights/types.ts';
import { allShaders, whole } from './all-kernels.ts';

/** The schemes that a kernel has code for: all files that differ by it. */
export function schemesOf(kernel: Kernel): Scheme[] {
  const uses = /^\/\/ uses: (.*)\n/.exec(whole(kernel).code)?.[1]?.split(', ') ?? [];
  return SCHEMES.filter((scheme) =>
    uses.every((name) => allShaders[name] ?? allShaders[name.replace('.wgsl', `_${scheme}.wgsl`)]),
  );
}
