import { afterEach, describe, expect, test } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import type { PackageSource } from '../storage/package-source.ts';
import { measure } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { asciiIds, packTinyModel } from '../testing/tiny-model.ts';
import { loadModel } from './load.ts';

// Prompts computed with activations of int8: an option.

describe.skipIf(!hasAdapter)('int8 activations', () => {
  const devices: Gpu[] = [];
  afterEach(() => {
    for (const gpu of devices.splice(0)) gpu.dispose();
  });

  const prompt = asciiIds('A prompt of more tokens than a short tile has, so that both are used.');

  async function logits(source: PackageSource, int8Activations: boolean, ids = prompt): Promise<Float32Array> {
    const gpu = await Gpu.request();
    devices.push(gpu);
    const model = await loadModel(gpu, source, { int8Activations, contextLength: 128 });
    return (await model.forward(ids)).logits;
  }

  test('change logits of int8 weights a little', async () => {
    const source = await packTinyModel({ scheme: 'int8' });
    for (const ids of [prompt, prompt.slice(0, 9)]) {
      const { nmse } = measure(await logits(source, true, ids), await logits(source, false, ids));
      // Rounding to 8 bits leaves an error of about 0.005 of a normal input, each of several in a row.
      expect(nmse).toBeGreaterThan(1e-7);
      expect(nmse).toBeLessThan(2e-3);
    }
  });

  test('change nothing where weights are not int8', async () => {
    const source = await packTinyModel({ scheme: 'f16' });
    expect(await logits(source, true)).toEqual(await logits(source, false));
  });
});
