// Which Vulkan driver Dawn for Node gets. Dawn loads libvulkan.so.1, which loads a driver. A machine without a GPU usually
// has neither. But every Chromium for Linux ships both: the loader, and SwiftShader, which runs on the CPU.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium, libraryFolders } from './chromium.mjs';

const DRIVER_FOLDERS = [
  '/etc/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
  '/usr/local/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
];

const LIBRARY_FOLDERS = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
];

const LOADER = 'libvulkan.so.1';
const SWIFTSHADER = 'vk_swiftshader_icd.json';

/**
 * The parts of Vulkan on this machine.
 * @typedef {object} VulkanFacts
 * @property {boolean} systemLoader whether the system has libvulkan.so.1 where programs find it
 * @property {string[]} drivers paths of the system's driver manifests
 * @property {string[]} devices names of device files of GPUs: `dri/renderD128`, `nvidia0`
 * @property {string | undefined} loaderFolder a Chromium's folder with libvulkan.so.1
 * @property {string | undefined} swiftshader path of a Chromium's vk_swiftshader_icd.json
 */

/** @type {(folder: string) => string[]} */
const list = (folder) => (existsSync(folder) ? readdirSync(folder) : []);

/**
 * Looks at this machine.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {VulkanFacts}
 */
export function vulkanFacts(env = process.env) {
  const chromium = findChromium(env);
  const folders = chromium ? libraryFolders(chromium) : [];
  const swiftshaderFolder = folders.find((folder) => existsSync(join(folder, SWIFTSHADER)));
  return {
    systemLoader: [...LIBRARY_FOLDERS, ...(env['LD_LIBRARY_PATH'] ?? '').split(':')].some(
      (folder) => folder !== '' && existsSync(join(folder, LOADER)),
    ),
    drivers: DRIVER_FOLDERS.flatMap((folder) => list(folder).map((name) => join(folder, name))),
    devices: [
      ...list('/dev/dri').map((name) => `dri/${name}`),
      ...list('/dev').filter((name) => /^nvidia\d+$/.test(name)),
    ],
    loaderFolder: folders.find((folder) => existsSync(join(folder, LOADER))),
    swiftshader: swiftshaderFolder && join(swiftshaderFolder, SWIFTSHADER),
  };
}

/**
 * Whether a GPU with a driver is here. A driver's manifest alone says little: Mesa installs those of every vendor. So the
 * device file has to be there, too. lavapipe runs on the CPU and does not count.
 * @param {VulkanFacts} facts
 * @returns {boolean}
 */
export function hasNativeDriver({ drivers, devices }) {
  const nvidia = devices.some((name) => name.startsWith('nvidia'));
  const render = devices.some((name) => name.startsWith('dri/renderD'));
  return drivers.some((path) => {
    if (!path.endsWith('.json') || /\/lvp_|lavapipe|swiftshader/.test(path)) return false;
    return /\/nvidia_/.test(path) ? nvidia : render;
  });
}

/**
 * The variables that a process needs at its start so that Dawn finds a Vulkan driver; empty where the system's own
 * will do. LD_LIBRARY_PATH is read once, when a process starts: setting it later has no effect.
 * @param {'native' | 'software'} preferred which to take where both are there: the system's GPU or SwiftShader
 * @param {{ env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform, facts?: VulkanFacts }} [machine]
 * @returns {Record<string, string>}
 */
export function vulkanEnvironment(preferred, { env = process.env, platform = process.platform, facts } = {}) {
  // Dawn uses Metal on macOS and Direct3D on Windows.
  if (platform !== 'linux') return {};
  const machine = facts ?? vulkanFacts(env);
  /** @type {Record<string, string>} */
  const variables = {};
  if (!machine.systemLoader && machine.loaderFolder) {
    variables['LD_LIBRARY_PATH'] = [machine.loaderFolder, env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  }
  // The user's own choice stands.
  if (env['VK_ICD_FILENAMES'] || env['VK_DRIVER_FILES'] || env['BAMBA_GPU'] === 'native') return variables;
  const native = preferred === 'native' && env['BAMBA_GPU'] !== 'software' && hasNativeDriver(machine);
  if (!native && machine.swiftshader) variables['VK_ICD_FILENAMES'] = machine.swiftshader;
  return variables;
}

/**
 * Whether a program on Dawn needs a Chromium that is not here: no GPU, no SwiftShader, and nothing that the user chose.
 * @param {{ env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform, facts?: VulkanFacts }} [machine]
 * @returns {boolean}
 */
export function lacksDriver({ env = process.env, platform = process.platform, facts } = {}) {
  if (platform !== 'linux' || env['BAMBA_GPU'] === 'native') return false;
  const machine = facts ?? vulkanFacts(env);
  if (!machine.systemLoader && !machine.loaderFolder) return true;
  if (env['VK_ICD_FILENAMES'] || env['VK_DRIVER_FILES']) return false;
  return !machine.swiftshader && (env['BAMBA_GPU'] === 'software' || !hasNativeDriver(machine));
}
