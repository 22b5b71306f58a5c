import { describe, expect, test } from 'vitest';
import { hasNativeDriver, lacksDriver, vulkanEnvironment } from './vulkan.mjs';

/** @typedef {import('./vulkan.mjs').VulkanFacts} VulkanFacts */

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const NVIDIA = '/usr/share/vulkan/icd.d/nvidia_icd.json';
const RADEON = '/usr/share/vulkan/icd.d/radeon_icd.x86_64.json';
const LAVAPIPE = '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json';

/** @type {VulkanFacts} */
const bare = { systemLoader: false, drivers: [], devices: [], loaderFolder: undefined, swiftshader: undefined };
/** @type {VulkanFacts} */
const withChromium = { ...bare, loaderFolder: '/usr/lib/chromium', swiftshader: SWIFTSHADER };
/** @type {VulkanFacts} */
const withGpu = { ...withChromium, systemLoader: true, drivers: [RADEON, LAVAPIPE], devices: ['dri/renderD128'] };

/** @type {(facts: VulkanFacts, env?: NodeJS.ProcessEnv) => { facts: VulkanFacts, env: NodeJS.ProcessEnv, platform: 'linux' }} */
const linux = (facts, env = {}) => ({ facts, env, platform: 'linux' });

describe('hasNativeDriver', () => {
  test('wants a driver and the device file that goes with it', () => {
    expect(hasNativeDriver(withGpu)).toBe(true);
    expect(hasNativeDriver({ ...withGpu, devices: [] })).toBe(false);
    expect(hasNativeDriver({ ...withGpu, drivers: [NVIDIA] })).toBe(false);
    expect(hasNativeDriver({ ...withGpu, drivers: [NVIDIA], devices: ['nvidia0'] })).toBe(true);
    expect(hasNativeDriver({ ...withGpu, devices: ['nvidia0'] })).toBe(false);
  });

  test('does not take lavapipe for a GPU', () => {
    expect(hasNativeDriver({ ...withGpu, drivers: [LAVAPIPE] })).toBe(false);
  });
});

describe('vulkanEnvironment', () => {
  test('takes loader and SwiftShader of Chromium where there is no GPU', () => {
    expect(vulkanEnvironment('native', linux(withChromium))).toEqual({
      LD_LIBRARY_PATH: '/usr/lib/chromium',
      VK_ICD_FILENAMES: SWIFTSHADER,
    });
  });

  test('keeps what LD_LIBRARY_PATH has', () => {
    const env = { LD_LIBRARY_PATH: '/opt/lib' };
    expect(vulkanEnvironment('software', linux(withChromium, env))['LD_LIBRARY_PATH']).toBe(
      '/usr/lib/chromium:/opt/lib',
    );
  });

  test('leaves the GPU to commands, and takes SwiftShader for tests or on request', () => {
    expect(vulkanEnvironment('native', linux(withGpu))).toEqual({});
    expect(vulkanEnvironment('software', linux(withGpu))).toEqual({ VK_ICD_FILENAMES: SWIFTSHADER });
    expect(vulkanEnvironment('native', linux(withGpu, { BAMBA_GPU: 'software' }))).toEqual({
      VK_ICD_FILENAMES: SWIFTSHADER,
    });
  });

  test("leaves the user's choice of a driver alone, but finds a loader for it", () => {
    for (const env of [{ BAMBA_GPU: 'native' }, { VK_ICD_FILENAMES: NVIDIA }, { VK_DRIVER_FILES: NVIDIA }]) {
      expect(vulkanEnvironment('software', linux(withGpu, env))).toEqual({});
      expect(vulkanEnvironment('software', linux(withChromium, env))).toEqual({ LD_LIBRARY_PATH: '/usr/lib/chromium' });
    }
  });

  test('sets nothing where Dawn does not use Vulkan, and nothing where nothing is', () => {
    expect(vulkanEnvironment('software', { ...linux(withChromium), platform: 'darwin' })).toEqual({});
    expect(vulkanEnvironment('software', { ...linux(withChromium), platform: 'win32' })).toEqual({});
    expect(vulkanEnvironment('native', linux(bare))).toEqual({});
  });
});

test('a Chromium is needed where neither a GPU nor SwiftShader nor a choice of the user is', () => {
  expect(lacksDriver(linux(bare))).toBe(true);
  expect(lacksDriver(linux({ ...bare, systemLoader: true, drivers: [LAVAPIPE] }))).toBe(true);
  expect(lacksDriver(linux({ ...withGpu, swiftshader: undefined }))).toBe(false);
  expect(lacksDriver(linux({ ...withGpu, swiftshader: undefined }, { BAMBA_GPU: 'software' }))).toBe(true);
  expect(lacksDriver(linux(withChromium))).toBe(false);
  expect(lacksDriver(linux(bare, { VK_ICD_FILENAMES: NVIDIA }))).toBe(true);
  expect(lacksDriver(linux({ ...bare, systemLoader: true }, { VK_ICD_FILENAMES: NVIDIA }))).toBe(false);
  expect(lacksDriver({ ...linux(bare), platform: 'win32' })).toBe(false);
});
