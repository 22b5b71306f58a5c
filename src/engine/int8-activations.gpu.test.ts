import { afterEach, describe, expect, test } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { forward } from '../model/forward.ts';
import type { Model } from '../model/model.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { expectClose, measure } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { ALL } from '../testing/extent.ts';
import { expectSnapshots } from '../testing/models/random-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { asciiIds, packGoldenModel } from '../testing/models/tiny-model.ts';
import { loadModel } from './loading/load.ts';

// Prompts computed with activations of int8: an option.

describe.skipIf(!hasAdapter)('int8 activations', () => {
  const shared = { gpu: sharedGpu() };
  const devices: Gpu[] = [];
  afterEach(() => {
    for (const gpu of devices.splice(0)) gpu.dispose();
  });

  const prompt = asciiIds('A prompt of more tokens than a short tile has, so that both are used.');

  async function load(source: PackageSource, int8Activations: boolean): Promise<Model> {
    const gpu = await Gpu.request(shared);
    devices.push(gpu);
    return loadModel(gpu, source, { int8Activations, contextLength: 128 });
  }

  /** Of the prompt, and of its beginning alone, which is short enough for short tiles. */
  async function logits(model: Model): Promise<Float32Array[]> {
    const long = await forward(model, prompt);
    model.state.reset();
    return [long.logits, (await forward(model, prompt.slice(0, 9))).logits];
  }

  const schemes = ['int8', 'int4'] as const;
  test.for(schemes)('change logits of %s weights a little', { timeout: 300_000 }, async (scheme, { skip }) => {
    skip(scheme === 'int8' && !ALL, 'Lexicon answers with them in chats.gpu.test.ts; `npm run test:all` takes it, too');
    const source = await packGoldenModel(scheme);
    const unrounded = await logits(await load(source, false));
    const model = await load(source, true);
    const whole = await logits(model);
    for (const [index, rounded] of whole.entries()) {
      const { nmse } = measure(rounded, unrounded[index]!);
      // Rounding to 8 bits leaves an error of about 0.005 of a normal input, each of several in a row.
      expect(nmse).toBeGreaterThan(1e-7);
      expect(nmse).toBeLessThan(2e-3);
    }
    await expectSnapshots(model, prompt);
    const sibling = await model.sibling(model.tuning);
    expect(await logits(sibling)).toEqual(whole);
    sibling.dispose();
    // Each token has scales of its own: only what f32 rounds otherwise in another chunk can tip an integer.
    for (const split of [1, 20]) {
      model.state.reset();
      const first = await forward(model, prompt.slice(0, split));
      const second = await forward(model, prompt.slice(split));
      expectClose([...first.logits, ...second.logits], whole[0]!, { nmse: 1e-4 }, `split at ${split}`);
    }
  });

  test('change nothing where weights are neither', async () => {
    const source = await packGoldenModel('f16');
    expect(await logits(await load(source, true))).toEqual(await logits(await load(source, false)));
  });
});
