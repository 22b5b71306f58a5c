import { beforeAll, describe, expect, test } from 'vitest';
import { Gpu, type GpuOptions } from '../gpu/device.ts';
import { forward } from '../model/forward.ts';
import { expectClose } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { ALL } from '../testing/extent.ts';
import { BUNDLED_GOLDEN, type Golden, loadGolden } from '../testing/models/golden.ts';
import { expectReference } from '../testing/models/random-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { packGoldenModel } from '../testing/models/tiny-model.ts';
import type { Scheme } from '../weights/types.ts';
import { loadModel } from './loading/load.ts';

// The model of the golden in every scheme, with subgroups and without. It is compared with the reference on the same
// rounded weights, and in f32 with the results of Hugging Face transformers. Kernels are tested in every scheme on
// every variant of a device by themselves.

const plain: GpuOptions['without'] = ['subgroups', 'f16'];
const VARIANTS: readonly {
  scheme: Scheme;
  without: GpuOptions['without'];
  quickByteProducts?: boolean;
  often?: boolean;
}[] = [
  { scheme: 'f32', without: [] },
  // Elsewhere, devices that can no more are verified in these.
  { scheme: 'f32', without: plain, often: false },
  { scheme: 'f16', without: plain },
  { scheme: 'int8', without: [] },
  { scheme: 'fp8', without: plain },
  { scheme: 'int4', without: [] },
  { scheme: 'int4', without: [], quickByteProducts: true },
  { scheme: 'int4', without: plain, often: false },
];

describe.skipIf(!hasAdapter)('the model of the golden', () => {
  const shared = sharedGpu();
  let golden: Golden;
  beforeAll(async () => {
    golden = await loadGolden(BUNDLED_GOLDEN);
  });

  test.each(VARIANTS.filter(({ often }) => ALL || often !== false))(
    'in $scheme without $without is the reference',
    async (variant) => {
      const { scheme, without = [], quickByteProducts = false } = variant;
      const gpu = await Gpu.request({ gpu: shared, without, quickByteProducts });
      try {
        expect(gpu.features.quickByteProducts).toBe(quickByteProducts);
        const source = await packGoldenModel(scheme);
        const model = await loadModel(gpu, source, { contextLength: 128 });
        await expectReference(model, source);
        if (scheme !== 'f32') return;
        model.state.reset();
        const { logits } = await forward(model, [...golden.results.get('input_ids')!.values]);
        expect(golden.results.get('logit_positions')!.values).toHaveLength(
          golden.results.get('input_ids')!.values.length,
        );
        expectClose(logits, golden.results.get('logits')!.values, { ofLargest: 2e-4 }, 'logits of transformers');
      } finally {
        gpu.dispose();
      }
    },
  );
});
