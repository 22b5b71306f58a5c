import { describe, expect, test } from 'vitest';
import { BambaError } from '../errors.ts';
import { readBuffer } from './buffers.ts';
import { settled } from './device-faults.ts';
import { Gpu } from './device.ts';
import { defineKernel, PipelineCache } from './kernel.ts';

// A device whose process dies: its promises reject with errors of the browser, or never settle, and all become one error.

const NEVER = new Promise<never>(() => {});
const OPERATION = () => new DOMException('A valid external Instance reference no longer exists.', 'OperationError');
const lost = expect.objectContaining({
  name: 'BambaError',
  code: 'device_lost',
  message: expect.stringMatching(/lost \(gone\)\. Load the model again/) as string,
}) as unknown;

const globals = {
  GPUBufferUsage: { MAP_READ: 1, COPY_DST: 8 },
  GPUMapMode: { READ: 1 },
  GPUShaderStage: { COMPUTE: 4 },
};
Object.assign(globalThis, globals);

/** A device whose promises are as `promise` gives them, until it is lost. */
function deviceOf(promise: () => Promise<never>) {
  let lose = (_info: GPUDeviceLostInfo): void => {};
  const buffer = { mapAsync: promise, getMappedRange: () => new ArrayBuffer(16), destroy() {} };
  const device = {
    lost: new Promise<GPUDeviceLostInfo>((resolve) => {
      lose = resolve;
    }),
    features: new Set(),
    limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
    queue: { onSubmittedWorkDone: promise, submit() {} },
    addEventListener() {},
    pushErrorScope() {},
    popErrorScope: promise,
    createBuffer: () => buffer,
    createCommandEncoder: () => ({ copyBufferToBuffer() {}, finish() {} }),
    createShaderModule: () => ({ getCompilationInfo: promise }),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createComputePipelineAsync: promise,
    destroy() {},
  } as unknown as GPUDevice;
  return {
    device,
    buffer: buffer as unknown as GPUBuffer,
    lose: () => lose({ reason: 'unknown', message: 'gone' } as GPUDeviceLostInfo),
  };
}

async function gpuOf(device: GPUDevice, adapter: object = {}): Promise<Gpu> {
  const given = { features: new Set(), limits: {}, requestDevice: async () => device, ...adapter };
  return Gpu.request({ gpu: { requestAdapter: async () => given } as unknown as GPU });
}

const kernel = defineKernel({
  name: 'nothing',
  code: 'x',
  params: {},
  reads: [],
  writes: [],
  constants: [],
  step: false,
});

/** Everything that waits for a device. */
const WAITS: Record<string, (gpu: Gpu, buffer: GPUBuffer) => Promise<unknown>> = {
  'mapping a buffer': (gpu, buffer) => gpu.map(buffer, 1, 'It did not map.'),
  'waiting for the queue': (gpu) => gpu.done(),
  'asking whether something was accepted': (gpu) => gpu.guarded('a test', () => {}),
  compiling: (gpu) => new PipelineCache(gpu.device, {}).pipeline(kernel, { subgroups: false, f16: false }, {}),
  'reading a buffer back': (gpu, buffer) => readBuffer(gpu.device, { buffer, offset: 0, size: 16 }),
};

describe.each(Object.entries(WAITS))('%s', (_what, wait) => {
  test('ends with the loss of the device where the browser says something else', async () => {
    const { device, buffer, lose } = deviceOf(async () => Promise.reject(OPERATION()));
    const gpu = await gpuOf(device);
    const waiting = wait(gpu, buffer);
    // The browser tells of the loss after that.
    setTimeout(lose, 20);
    await expect(waiting).rejects.toEqual(lost);
    expect(() => gpu.check()).toThrow('lost');
  });

  test('ends with the loss of the device where the browser says nothing', async () => {
    const { device, buffer, lose } = deviceOf(async () => NEVER);
    const waiting = wait(await gpuOf(device), buffer);
    setTimeout(lose, 20);
    await expect(waiting).rejects.toEqual(lost);
  });

  test('fails with a sentence where the device stays', async () => {
    const { device, buffer } = deviceOf(async () => Promise.reject(OPERATION()));
    await expect(wait(await gpuOf(device), buffer)).rejects.toMatchObject({ name: 'BambaError', code: 'gpu_failure' });
  });
});

describe('a device', () => {
  test('that is lost already refuses the next wait', async () => {
    const { device, buffer, lose } = deviceOf(async () => NEVER);
    const gpu = await gpuOf(device);
    lose();
    await gpu.lost;
    await expect(gpu.map(buffer, 1, 'It did not map.')).rejects.toEqual(lost);
  });

  test('explains calls that it refuses, and leaves other errors alone', async () => {
    const { device, lose } = deviceOf(async () => NEVER);
    const gpu = await gpuOf(device);
    const mine = new TypeError('a bug');
    expect(await gpu.explain(mine)).toBe(mine);
    const refused = gpu.explain(OPERATION());
    lose();
    expect(await refused).toEqual(lost);
    const typed = new BambaError('aborted', 'by the page');
    expect(await gpu.explain(typed)).toBe(typed);
  });

  test('that is well gives what was waited for', async () => {
    const { device } = deviceOf(async () => NEVER);
    expect(await settled(device, Promise.resolve(7), 'It failed.')).toBe(7);
  });
});

describe('an adapter', () => {
  const { device } = deviceOf(async () => NEVER);

  test('of an older browser is asked for what it says of itself, or goes without', async () => {
    const info = { vendor: 'old', architecture: '', device: '', description: '' };
    const asked = await gpuOf(device, { requestAdapterInfo: async () => info });
    expect(asked.adapterInfo).toEqual(info);
    const refused = await gpuOf(device, { requestAdapterInfo: async () => Promise.reject(OPERATION()) });
    expect(refused.adapterInfo.vendor).toBe('');
    expect((await gpuOf(device)).adapterInfo).toMatchObject({ vendor: '', description: '' });
  });

  test('that gives no device is called so, with the reason', async () => {
    const requestDevice = async () => Promise.reject(OPERATION());
    await expect(gpuOf(device, { requestDevice })).rejects.toMatchObject({
      code: 'webgpu_unavailable',
      message: expect.stringMatching(/gave no device: A valid external .* restart the browser/) as string,
    });
  });

  test.each([async () => null, async () => Promise.reject(OPERATION())])(
    'that is not there, or no longer, says how to get it back',
    async (requestAdapter) => {
      await expect(Gpu.request({ gpu: { requestAdapter } as unknown as GPU })).rejects.toMatchObject({
        code: 'webgpu_unavailable',
        message: expect.stringMatching(/reload the page, and if that does not help, restart the browser/) as string,
      });
    },
  );
});
