import { afterEach, describe, expect, test } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { forward } from '../model/forward.ts';
import type { Model } from '../model/model.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { measure } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { MATRIX_CONFIGS, withMatrices } from '../testing/kernels/emulated-matrices.ts';
import { expectSnapshots } from '../testing/models/random-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { asciiIds, packGoldenModel } from '../testing/models/tiny-model.ts';
import { loadModel } from './loading/load.ts';
import { LocalEngine, type LocalEngineOptions } from './local-engine.ts';

// Prompts read with subgroup matrices, which are emulated.

describe.skipIf(!hasAdapter)('subgroup matrices', () => {
  const shared = sharedGpu();
  const devices: Gpu[] = [];
  afterEach(() => {
    for (const gpu of devices.splice(0)) gpu.dispose();
  });

  const prompt = asciiIds('A prompt of more tokens than two short tiles have, and than one tile of matrices has.');

  async function load(source: PackageSource, subgroupMatrices: boolean): Promise<Model> {
    const gpu = await Gpu.request({ gpu: withMatrices(shared), subgroupMatrices });
    expect(gpu.features.subgroupMatrices).toBe(subgroupMatrices);
    devices.push(gpu);
    return loadModel(gpu, source, { contextLength: 128 });
  }

  /** Of the prompt, and of its beginning alone, which is short enough for short tiles. */
  async function logits(model: Model): Promise<Float32Array[]> {
    const long = await forward(model, prompt);
    model.state.reset();
    return [long.logits, (await forward(model, prompt.slice(0, 9))).logits];
  }

  // Kernels alone are tested in every scheme: emulated, a whole model takes a minute.
  test.each([
    // Rounding to 16 bits leaves an error of about 2e-5 of a normal input, where sums in f32 leave some 1e-7.
    { scheme: 'int8', most: 1e-7 },
  ] as const)('change logits of $scheme weights by next to nothing', { timeout: 300_000 }, async ({ scheme, most }) => {
    const source = await packGoldenModel(scheme);
    const [plainLong, plainShort] = await logits(await load(source, false));
    const model = await load(source, true);
    const [long, short] = await logits(model);
    const { nmse } = measure(long!, plainLong!);
    expect(nmse).toBeGreaterThan(1e-12);
    expect(nmse).toBeLessThan(most);
    expect(short).toEqual(plainShort);
    await expectSnapshots(model, prompt);
  });

  const without = [
    { lack: 'a feature of that name', otherwise: { features: ['subgroups'] } },
    { lack: 'subgroups of 32 alone', otherwise: { subgroupMaxSize: 64 } },
    { lack: 'matrices of int8 and of our shape', otherwise: { subgroupMatrixConfigs: MATRIX_CONFIGS.slice(0, 1) } },
    { lack: 'the workgroup memory', otherwise: { maxComputeWorkgroupStorageSize: 32_768 } },
  ];
  test.each(without)('are left alone where an adapter has not $lack', async ({ otherwise }) => {
    const gpu = await Gpu.request({ gpu: withMatrices(navigator.gpu, otherwise), subgroupMatrices: true });
    expect(gpu.features.subgroupMatrices).toBe(false);
    gpu.dispose();
  });

  test('are what an engine says it has, but where it is to compute exactly', { timeout: 300_000 }, async () => {
    const source = await packGoldenModel('int8');
    const features = async (options: LocalEngineOptions) => {
      const engine = await LocalEngine.load(source, {
        ...options,
        gpu: { gpu: withMatrices(shared) },
      });
      engine.dispose();
      return engine.info.adapter.features;
    };
    expect(await features({})).toContain('subgroupMatrices');
    expect(await features({ precision: 'exact' })).not.toContain('subgroupMatrices');
  });
});
