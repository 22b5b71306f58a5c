import { afterEach, describe, expect, test } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { forward } from '../model/forward.ts';
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

  /** Of the prompt, and of its beginning alone, which is short enough for short tiles. */
  async function logits(source: PackageSource, int8Activations: boolean): Promise<Float32Array[]> {
    const gpu = await Gpu.request();
    devices.push(gpu);
    const model = await loadModel(gpu, source, { int8Activations, contextLength: 128 });
    const long = await forward(model, prompt);
    model.state.reset();
    return [long.logits, (await forward(model, prompt.slice(0, 9))).logits];
  }

  test.each(['int8', 'int4'] as const)('change logits of %s weights a little', async (scheme) => {
    const source = await packTinyModel({ scheme });
    const unrounded = await logits(source, false);
    for (const [index, rounded] of (await logits(source, true)).entries()) {
      const { nmse } = measure(rounded, unrounded[index]!);
      // Rounding to 8 bits leaves an error of about 0.005 of a normal input, each of several in a row.
      expect(nmse).toBeGreaterThan(1e-7);
      expect(nmse).toBeLessThan(2e-3);
    }
  });

  test.each(['f16', 'fp8'] as const)('change nothing where weights are %s', async (scheme) => {
    const source = await packTinyModel({ scheme });
    expect(await logits(source, true)).toEqual(await logits(source, false));
  });
});
