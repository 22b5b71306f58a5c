import { vi } from 'vitest';
import { Gpu } from '../../gpu/device.ts';

// A device that does nothing but hand out buffers of a size: what a model allocates and binds is known without computing it.

const USAGE = { STORAGE: 128, UNIFORM: 64, COPY_SRC: 4, COPY_DST: 8, MAP_READ: 1, MAP_WRITE: 2 };

const nothing = () => ({});

/** Answers whatever is called; what the code under test awaits or reads is here. */
function device(limits: Record<string, number>, features: ReadonlySet<string>) {
  return {
    limits,
    features,
    lost: new Promise(() => {}),
    addEventListener: nothing,
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    createBuffer: ({ size }: { size: number }) => ({ size, destroy: nothing }),
    createBindGroup: nothing,
    createBindGroupLayout: nothing,
    createPipelineLayout: nothing,
    createShaderModule: () => ({ getCompilationInfo: () => Promise.resolve({ messages: [] }) }),
    createComputePipelineAsync: () => Promise.resolve({}),
    createCommandEncoder: () => ({ copyBufferToBuffer: nothing, clearBuffer: nothing, finish: nothing }),
    queue: { writeBuffer: nothing, submit: nothing, onSubmittedWorkDone: () => Promise.resolve() },
    destroy: nothing,
  };
}

/** A `Gpu` over such a device, with these limits, subgroups, and products of bytes. */
export async function countingGpu(limits: {
  maxBufferSize: number;
  maxStorageBufferBindingSize: number;
}): Promise<Gpu> {
  vi.stubGlobal('GPUBufferUsage', USAGE);
  vi.stubGlobal('GPUShaderStage', { COMPUTE: 4 });
  const all = { ...limits, maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 32_768 };
  const features = new Set(['subgroups']);
  const adapter = {
    limits: all,
    features,
    info: { vendor: 'none', subgroupMinSize: 32, subgroupMaxSize: 32 },
    requestDevice: () => Promise.resolve(device(all, features)),
  };
  const gpu = {
    requestAdapter: () => Promise.resolve(adapter),
    wgslLanguageFeatures: new Set(['packed_4x8_integer_dot_product']),
  };
  return Gpu.request({ gpu: gpu as unknown as GPU });
}
