import type { Kernel } from '../../gpu/kernel.ts';

/** Modules of src/kernels by file name without extension. */
const modules = import.meta.glob<Record<string, unknown>>(['../../kernels/*/*.ts', '!../../kernels/*/*.test.ts'], {
  eager: true,
});

/** Every kernel as src/kernels declares it, by the name of the file that it is declared in. */
export const allKernels: ReadonlyMap<string, Kernel> = new Map(
  Object.entries(modules)
    .flatMap(([path, exports]) => Object.values(exports).map((value) => ({ path, value })))
    .filter((entry): entry is { path: string; value: Kernel } => isKernel(entry.value))
    .map(({ path, value }) => [path.slice(path.lastIndexOf('/') + 1, -'.ts'.length), value]),
);

function isKernel(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'params' in value && 'constants' in value;
}
