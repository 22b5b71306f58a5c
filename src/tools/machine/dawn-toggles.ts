/**
 * Dawn clears workgroup memory before each kernel, as the standard asks. SwiftShader compiles that clearing element by
 * element, which takes seconds a kernel. Its memory is clear at first, and our kernels write what they read. So tests on it
 * do without. The same words switch it off in Dawn's Node module and, as a flag, in Chromium. Never on a graphics card: its
 * memory holds what other programs left there.
 */
export const DAWN_TOGGLES = 'enable-dawn-features=disable_workgroup_init';
