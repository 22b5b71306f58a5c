// The browser of the end-to-end tests: which program, and with which flags.

import { findChromium } from '../../tools/machine/chromium.mjs';
import { chromiumFlags } from '../../tools/machine/chromium-flags.ts';

/** Flags for SwiftShader, the same on every machine, also without a GPU; with BAMBA_GPU=native for the GPU. */
export const CHROMIUM_FLAGS: readonly string[] = chromiumFlags(
  process.env['BAMBA_GPU'] === 'native' ? 'native' : 'swiftshader',
);

/** Flags for a Chromium whose WebGPU finds no graphics adapter. */
export const CHROMIUM_FLAGS_WITHOUT_ADAPTER: readonly string[] = chromiumFlags('none');

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
