import type { ShaderLibrary } from '../gpu/kernel.ts';

// Shaders that only options take, or some families of models: see optional-shaders.ts, which alone imports them, at run
// time.

const byName = (files: Record<string, string>): ShaderLibrary =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [path.replace('../../shaders/', ''), text]));

const files = import.meta.glob<string>(
  [
    '../../shaders/{matmul_int8,matmul_matrices,quantize_rows}*.wgsl',
    '../../shaders/lib/{matmul_int8,matmul_matrices,matrices,stored}*.wgsl',
  ],
  { query: '?raw', import: 'default', eager: true },
);

/** Kernels that are declared without their code, `NAME.wgsl`, and the files of shaders/lib that nothing else uses. */
export const onDemandShaders: ShaderLibrary = byName(files);

/** What the worker is built without, see src/cli/bootstrap/without-families.mjs. */
export const familyShaders: ShaderLibrary = byName(
  import.meta.glob<string>(
    [
      '../../shaders/moe_*.wgsl',
      '../../shaders/{rms_norm_matvec_selective_scan_gate,selective_scan_gate,rms_norm_split}.wgsl',
      '../../shaders/{rms_norm_concat,geglu}.wgsl',
    ],
    { query: '?raw', import: 'default', eager: true },
  ),
);
