import type { ShaderLibrary } from '../gpu/kernel.ts';

// Shaders that only options take: see optional-shaders.ts, which alone imports them, at run time.

const files = import.meta.glob<string>(
  [
    '../../shaders/{matmul_int8,matmul_matrices,quantize_rows}*.wgsl',
    '../../shaders/lib/{matmul_int8,matmul_matrices,matrices,stored}*.wgsl',
  ],
  { query: '?raw', import: 'default', eager: true },
);

/** Kernels that are declared without their code, `NAME.wgsl`, and the files of shaders/lib that nothing else uses. */
export const onDemandShaders: ShaderLibrary = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.replace('../../shaders/', ''), text]),
);
