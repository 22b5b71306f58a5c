import { create, globals } from 'webgpu';

/**
 * Dawn clears workgroup memory before each kernel, as the standard asks. SwiftShader compiles that clearing element by
 * element, which takes seconds a kernel; our kernels write what they read, so Node and the tests do without.
 */
export const DAWN_TOGGLES = 'enable-dawn-features=disable_workgroup_init';

/** Gives Node the WebGPU of a browser, from Dawn. `navigator` holds Dawn's instance: collected, it takes devices along. */
export function installDawn(): void {
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([DAWN_TOGGLES]) }, configurable: true });
}
