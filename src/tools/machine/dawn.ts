import { create, globals } from 'webgpu';
import { DAWN_TOGGLES } from './dawn-toggles.ts';

/**
 * Gives Node the WebGPU of a browser, from Dawn, where it has none. `navigator` holds Dawn's instance: collected, it takes
 * devices along, and the process with them.
 */
export function installDawn(): void {
  if ('navigator' in globalThis && 'gpu' in navigator) return;
  const onSwiftShader = /swiftshader/i.test(process.env['VK_ICD_FILENAMES'] ?? '');
  const toggles = onSwiftShader ? [DAWN_TOGGLES] : [];
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create(toggles) }, configurable: true });
  // A GPU's answer is to be heard at once. Where the CPU plays the GPU, asking all the time takes a core from it.
  if (onSwiftShader) askDawnLessOften();
}

/**
 * Makes Dawn wait a millisecond before it looks again for ended work. While work is under way, it looks in each turn of
 * Node's loop, by the global `setImmediate`. Its callback is known by being native and without a name.
 */
function askDawnLessOften(): void {
  const { setImmediate, setTimeout } = globalThis;
  const isDawns = (callback: unknown) =>
    typeof callback === 'function' &&
    callback.name === '' &&
    Function.prototype.toString.call(callback).includes('[native code]');
  const patient = new Proxy(setImmediate, {
    apply: (target, self, args: Parameters<typeof setImmediate>) =>
      isDawns(args[0]) ? setTimeout(args[0], 1) : Reflect.apply(target, self, args),
  });
  Object.defineProperty(globalThis, 'setImmediate', { value: patient, configurable: true, writable: true });
}
