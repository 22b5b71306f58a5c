import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { architectureOf, architectureTraits } from '../testing/checkpoints/config-traits.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { covering } from '../testing/extent.ts';
import { SCHEMES } from '../testing/kernels/device.ts';
import { attention, common, FAMILY_CONFIGS, mamba } from '../testing/checkpoints/family-configs.ts';
import { expectReferenceModel, loadRandomModel } from '../testing/models/random-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';

// Models of all families, small and of random weights, through all of the GPU's path. Schemes take turns. Where not
// everything is tested, those are left out of which all that programs depend on is met in others.

describe.skipIf(!hasAdapter)('a whole model', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  const cases = Object.entries(FAMILY_CONFIGS).map(([name, config], index) => {
    return { name, config, scheme: SCHEMES[index % SCHEMES.length]! };
  });
  const taken = new Map(
    covering(Object.fromEntries(cases.map((one) => [one.name, one])), ({ config, scheme }) => [
      ...architectureTraits(architectureOf(config)),
      `in ${scheme}`,
    ]),
  );
  it.for(cases)(
    'of $name is the reference in $scheme',
    { timeout: 120_000 },
    async ({ name, config, scheme }, test) => {
      test.skip(!taken.has(name), '`npm run test:all` takes it, too');
      await expectReferenceModel(gpu, config, scheme);
    },
  );

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
