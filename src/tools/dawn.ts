import { create, globals } from 'webgpu';
import { DAWN_TOGGLES } from './dawn-toggles.ts';

/** Gives Node the WebGPU of a browser, from Dawn. `navigator` holds Dawn's instance: collected, it takes devices along. */
export function installDawn(): void {
  const onSwiftShader = /swiftshader/i.test(process.env['VK_ICD_FILENAMES'] ?? '');
  const toggles = onSwiftShader ? [DAWN_TOGGLES] : [];
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create(toggles) }, configurable: true });
}
