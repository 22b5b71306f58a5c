/**
 * Dawn clears workgroup memory before each kernel, as the standard asks. SwiftShader compiles that clearing element by
 * element, which takes seconds a kernel; our kernels write what they read, so Node and the tests do without. The same
 * words switch it off in Dawn's Node module and, as a flag, in Chromium.
 */
export const DAWN_TOGGLES = 'enable-dawn-features=disable_workgroup_init';
