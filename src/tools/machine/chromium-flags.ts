import { DAWN_TOGGLES } from './dawn-toggles.ts';

/** No profile of a user, no traffic of the browser's own. */
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Without these, a Chromium without a window takes no GPU on Linux; elsewhere it does by itself. */
const GPU_ON_LINUX = ['--use-angle=vulkan', '--disable-vulkan-surface', '--ignore-gpu-blocklist'];

/**
 * The adapter of WebGPU. It is the machine's GPU; or SwiftShader, the same on every machine, for our own kernels alone or
 * for all; or none.
 */
export type ChromiumAdapter = 'native' | 'swiftshader' | 'swiftshader-standard' | 'none';

// Without both of these there is no adapter on SwiftShader.
const ON_SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

const ADAPTERS: Record<ChromiumAdapter, readonly string[]> = {
  native: ['--enable-unsafe-webgpu', ...(process.platform === 'linux' ? GPU_ON_LINUX : [])],
  swiftshader: [...ON_SWIFTSHADER, `--${DAWN_TOGGLES}`],
  'swiftshader-standard': ON_SWIFTSHADER,
  none: ['--disable-gpu'],
};

/** How to start Chromium for WebGPU without a window. It may run as root in containers, hence no sandbox. */
export function chromiumFlags(adapter: ChromiumAdapter): string[] {
  return ['--headless=new', '--no-sandbox', ...ADAPTERS[adapter], '--enable-features=Vulkan', ...QUIET];
}
