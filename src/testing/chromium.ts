// The browser of the end-to-end tests: which program, and with which flags. The only place that names either.

import { findChromium } from '../cli/bootstrap/chromium.mjs';
import { DAWN_TOGGLES } from '../cli/dawn-toggles.ts';

/** No profile of a user, no traffic of the browser's own. */
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Chromium runs WebGPU on SwiftShader, the same on every machine, also without a GPU; with BAMBA_GPU=native on the GPU.
 * Without the first two of its flags there is no adapter on SwiftShader.
 */
const ADAPTER =
  process.env['BAMBA_GPU'] === 'native'
    ? ['--enable-unsafe-webgpu']
    : ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', `--${DAWN_TOGGLES}`];

/** How to start Chromium for WebGPU without a window; tests run it as root in containers, hence no sandbox. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--headless=new',
  '--no-sandbox',
  ...ADAPTER,
  '--enable-features=Vulkan',
  ...QUIET,
];

/**
 * The Chromium to test with.
 * @returns path of the program
 * @throws Error when there is none; `npm test` installs one
 */
export function chromiumPath(): string {
  const path = findChromium();
  if (path) return path;
  throw new Error(
    'There is no Chromium. Run `npm test`, which installs one, or set BAMBA_CHROMIUM to the path of one.',
  );
}
