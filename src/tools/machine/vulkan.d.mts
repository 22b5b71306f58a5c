/** What of Vulkan this machine has; see vulkan.mjs. */
export interface VulkanFacts {
  systemLoader: boolean;
  drivers: string[];
  devices: string[];
  loaderFolder: string | undefined;
  swiftshader: string | undefined;
}
interface Machine {
  env?: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
  facts?: VulkanFacts;
}
export function vulkanFacts(env?: NodeJS.ProcessEnv): VulkanFacts;
export function hasNativeDriver(facts: VulkanFacts): boolean;
export function vulkanEnvironment(preferred: 'native' | 'software', machine?: Machine): Record<string, string>;
export function lacksDriver(machine?: Machine): boolean;
