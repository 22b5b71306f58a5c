import type { Kernel, ShaderLibrary } from '../gpu/kernel.ts';
import { shaderLibrary } from '../kernels/library.ts';
import { onDemandShaders } from '../kernels/on-demand.ts';

/** Modules of src/kernels by file name without extension. */
const modules = import.meta.glob<Record<string, unknown>>(['../kernels/*.ts', '!../kernels/*.test.ts'], {
  eager: true,
});

/** All library files, and the kernels whose code comes with them. */
export const allShaders: ShaderLibrary = { ...shaderLibrary, ...onDemandShaders };

/** Every kernel as src/kernels declares it, by the name of the file that it is declared in. */
export const declaredKernels: ReadonlyMap<string, Kernel> = new Map(
  Object.entries(modules)
    .flatMap(([path, exports]) => Object.values(exports).map((value) => ({ path, value })))
    .filter((entry): entry is { path: string; value: Kernel } => isKernel(entry.value))
    .map(({ path, value }) => [path.slice(path.lastIndexOf('/') + 1, -'.ts'.length), value]),
);

/** A kernel with its code, wherever that comes from. */
export type WholeKernel = Kernel & { readonly code: string };

/** The same with their code. */
export const allKernels: ReadonlyMap<string, WholeKernel> = new Map(
  [...declaredKernels].map(([file, kernel]) => [file, whole(kernel)]),
);

function isKernel(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'params' in value && 'constants' in value;
}

/** @throws Error where its code is nowhere. */
export function whole(kernel: Kernel): WholeKernel {
  const code = kernel.code ?? allShaders[`${kernel.name}.wgsl`];
  if (code === undefined) throw new Error(`Kernel ${kernel.name} has no code.`);
  return { ...kernel, code };
}
