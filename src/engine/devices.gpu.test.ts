import { afterEach, describe, expect, test } from 'vitest';
import { Gpu, type GpuOptions } from '../gpu/device.ts';
import { forward } from '../model/forward.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { chatOf, take } from '../testing/engines/answer.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { asciiIds, packGoldenModel, packTinyModel } from '../testing/models/tiny-model.ts';
import { loadModel } from './loading/load.ts';
import { LocalEngine } from './local-engine.ts';

// Devices that can less, models that are too large for one, and weights that are none.

describe.skipIf(!hasAdapter)('a device', () => {
  const shared = sharedGpu();
  const devices: Gpu[] = [];
  afterEach(() => {
    for (const gpu of devices.splice(0)) gpu.dispose();
  });

  /** Logits of a prompt and of single tokens after it. */
  async function logits(source: PackageSource, options: GpuOptions): Promise<Float32Array[]> {
    const gpu = await Gpu.request({ gpu: shared, ...options });
    devices.push(gpu);
    const model = await loadModel(gpu, source);
    const prompt = await forward(model, asciiIds('The same everywhere, as it should be.'));
    const next = await forward(model, [300]);
    return [prompt.logits, next.logits];
  }

  const largestDifference = (left: Float32Array, right: Float32Array) =>
    left.reduce((most, value, index) => Math.max(most, Math.abs(value - right[index]!)), 0);

  test.each(['f32', 'int8', 'int4'] as const)('of small bindings splits %s matrices', async (scheme) => {
    const source = await packGoldenModel(scheme);
    const largest = Math.max(...source.manifest.tensors.map(({ bytes }) => bytes));
    const whole = await logits(source, {});
    // Four parts of the largest, and buffers that hold little more than one.
    const limit = Math.ceil(largest / 3.5 / 256) * 256;
    const small = { maxStorageBufferBindingSize: limit, maxBufferSize: limit + 1024 };
    const split = await logits(source, { maxLimits: small });
    for (const [index, values] of whole.entries()) expect(split[index]).toEqual(values);
  });

  test('without subgroups computes the same', async () => {
    const source = await packGoldenModel('int8');
    const having = await logits(source, {});
    if (!devices[0]!.features.subgroups) console.warn('The adapter has no subgroups: both runs are without.');
    const lacking = await logits(source, { without: ['subgroups', 'f16', 'timestamps'] });
    expect(devices[1]!.features).toMatchObject({ subgroups: false, f16: false, timestamps: false });
    for (const [index, values] of having.entries()) {
      const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largestDifference(values, lacking[index]!)).toBeLessThan(1e-5 * scale);
    }
  });

  test('that a model does not fit refuses it before any shard is fetched', async () => {
    const source = await packTinyModel();
    let shards = 0;
    const counting: PackageSource = {
      manifest: source.manifest,
      file: (name) => source.file(name),
      shard: (index) => {
        shards++;
        return source.shard(index);
      },
    };
    const maxLimits = { maxStorageBufferBindingSize: 1024, maxBufferSize: 2048 };
    await expect(LocalEngine.load(counting, { gpu: { maxLimits } })).rejects.toMatchObject({
      code: 'adapter_limit',
      message: expect.stringMatching(/binds at most .* Choose a smaller model/) as string,
    });
    expect(shards).toBe(0);
  });

  test('that does not exist is an error with a way out', async () => {
    const none = { requestAdapter: async () => null } as unknown as GPU;
    await expect(LocalEngine.load(await packTinyModel(), { gpu: { gpu: none } })).rejects.toMatchObject({
      code: 'webgpu_unavailable',
      message: expect.stringMatching(/hardware acceleration/) as string,
    });
  });

  test('computing no numbers says so, and does not stay busy', async () => {
    const source = await packTinyModel();
    const norm = source.manifest.tensors.find(({ name }) => name === 'final_norm')!;
    const broken: PackageSource = {
      manifest: source.manifest,
      file: (name) => source.file(name),
      shard: async (index) => {
        const bytes = (await source.shard(index)).slice();
        expect(index).toBe(0);
        new Float32Array(bytes.buffer, norm.offset, norm.bytes / 4).fill(NaN);
        return bytes;
      },
    };
    // Each time the model is loaded once more, as the GPU may be at fault.
    const engine = await LocalEngine.load(broken, { gpu: { gpu: shared } });
    try {
      for (let round = 0; round < 2; round++) {
        await expect(take(engine, { messages: chatOf('Well?') })).rejects.toMatchObject({
          code: 'gpu_failure',
          message: expect.stringMatching(/no usable number .* Load the model again/) as string,
        });
      }
    } finally {
      engine.dispose();
    }
  });
});
