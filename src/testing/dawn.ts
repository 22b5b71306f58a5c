// Set-up of the Vitest project `dawn`: gives Node the WebGPU of a browser, from Dawn (npm `webgpu`).

import { beforeEach } from 'vitest';
import { installDawn } from '../tools/machine/dawn.ts';

// Test files share a process, and what it has compiled.
installDawn();

/**
 * Whether WebGPU has an adapter here. Where it has none, every test of the project is skipped with a warning, and in CI
 * (`CI` set) it fails. A test file whose `beforeAll` needs a device guards its suite: `describe.skipIf(!hasAdapter)`.
 */
export const hasAdapter: boolean = (await navigator.gpu.requestAdapter()) !== null;

const ADVICE =
  'No WebGPU adapter in Node. On Linux without a GPU, install Chromium (its SwiftShader is used) ' +
  'or name a Vulkan driver in VK_ICD_FILENAMES.';

if (!hasAdapter) {
  if (process.env['CI']) throw new Error(ADVICE);
  console.warn(`GPU TESTS SKIPPED. ${ADVICE}`);
  beforeEach((context) => context.skip(ADVICE));
}
