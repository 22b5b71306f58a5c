import { create, globals } from 'webgpu';
import { DAWN_TOGGLES } from './dawn-toggles.ts';

/** Gives Node the WebGPU of a browser, from Dawn. `navigator` holds Dawn's instance: collected, it takes devices along. */
export function installDawn(): void {
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([DAWN_TOGGLES]) }, configurable: true });
}
