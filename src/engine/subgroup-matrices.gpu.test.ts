import { afterEach, describe, expect, test } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { forward } from '../model/forward.ts';
import type { Model } from '../model/model.ts';
import type { PackageSource } from '../storage/package-source.ts';
import { measure } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { withMatrices } from '../testing/emulated-matrices.ts';
import { expectSnapshots } from '../testing/random-model.ts';
import { sharedGpu } from '../testing/shared-gpu.ts';
import { asciiIds, packTinyModel } from '../testing/tiny-model.ts';
import { loadModel } from './load.ts';

// Prompts read with subgroup matrices, which are emulated: an option.

describe.skipIf(!hasAdapter)('subgroup matrices', () => {
  const shared = sharedGpu();
  const devices: Gpu[] = [];
  afterEach(() => {
    for (const gpu of devices.splice(0)) gpu.dispose();
  });

  const prompt = asciiIds('A prompt of more tokens than two short tiles have, and than one tile of matrices has.');

  async function load(
    source: PackageSource,
    options: { matrices: boolean; int8Activations?: boolean },
  ): Promise<Model> {
    const { matrices, int8Activations = false } = options;
    const gpu = await Gpu.request({ gpu: withMatrices(shared), matrices });
    expect(gpu.features.matrices).toBe(matrices);
    devices.push(gpu);
    return loadModel(gpu, source, { int8Activations, contextLength: 128 });
  }

  /** Of the prompt, and of its beginning alone, which is short enough for short tiles. */
  async function logits(model: Model): Promise<Float32Array[]> {
    const long = await forward(model, prompt);
    model.state.reset();
    return [long.logits, (await forward(model, prompt.slice(0, 9))).logits];
  }

  test('change logits of long prompts by next to nothing', { timeout: 300_000 }, async () => {
    const source = await packTinyModel({ scheme: 'int8' });
    const [plainLong, plainShort] = await logits(await load(source, { matrices: false }));
    const model = await load(source, { matrices: true });
    const [long, short] = await logits(model);
    const { nmse } = measure(long!, plainLong!);
    // Rounding to 16 bits leaves an error of about 2e-5 of a normal input, where sums in f32 leave some 1e-7.
    expect(nmse).toBeGreaterThan(1e-12);
    expect(nmse).toBeLessThan(1e-7);
    expect(short).toEqual(plainShort);
    await expectSnapshots(model, prompt);
  });

  test('leave short prompts to int8 activations where both are asked for', { timeout: 300_000 }, async () => {
    const source = await packTinyModel({ scheme: 'int8' });
    const [matricesLong] = await logits(await load(source, { matrices: true }));
    const [, int8Short] = await logits(await load(source, { matrices: false, int8Activations: true }));
    const [long, short] = await logits(await load(source, { matrices: true, int8Activations: true }));
    expect(long).toEqual(matricesLong);
    expect(short).toEqual(int8Short);
  });

  test.each(['f16', 'int4'] as const)('change nothing where weights are %s', async (scheme) => {
    const source = await packTinyModel({ scheme });
    expect(await logits(await load(source, { matrices: true }))).toEqual(
      await logits(await load(source, { matrices: false })),
    );
  });
});
