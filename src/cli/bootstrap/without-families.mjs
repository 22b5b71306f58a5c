// The shaders that the engine's worker is built without: those that only some families of models take. It asks the page for
// them, which has them in a file of its own: src/kernels/on-demand.ts.

/** Those of mixtures of experts, of Mamba-1, and of blocks that share transformers: as `familyShaders` has them. */
const FAMILIES =
  /\/shaders\/(?:moe_\w+|rms_norm_matvec_selective_scan_gate|selective_scan_gate|rms_norm_split|rms_norm_concat|geglu)\.wgsl\?raw$/;

/**
 * A Vite plugin for the worker: in place of these shaders' texts it has none.
 * @returns {import('vite').Plugin}
 */
export function withoutFamilies() {
  return {
    name: 'without-families',
    apply: 'build',
    enforce: 'pre',
    load: (id) => (FAMILIES.test(id) ? "export default '';" : null),
  };
}
