import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { attention, common, FAMILY_CONFIGS, mamba } from '../testing/family-configs.ts';
import { expectReferenceModel, loadRandomModel } from '../testing/random-model.ts';

// Models of all families, small and of random weights, through all of the GPU's path.

describe.skipIf(!hasAdapter)('a whole model', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request();
  });
  afterAll(() => gpu?.dispose());

  it.each(Object.entries(FAMILY_CONFIGS))('of %s is the reference', { timeout: 60_000 }, async (_, config) => {
    await expectReferenceModel(gpu, config);
  });

  it('of type bamba decodes a block in five dispatches', { timeout: 60_000 }, async () => {
    const config = { ...common, ...mamba, ...attention, model_type: 'bamba', num_hidden_layers: 2 };
    const model = await loadRandomModel(gpu, { ...config, attn_layer_indices: [1] });
    try {
      for (const block of [0, 1]) {
        const labels = model.decodeDispatches.filter((label) => label.startsWith(`block ${block} /`));
        expect(labels).toHaveLength(5);
      }
    } finally {
      model.dispose();
    }
  });
});
