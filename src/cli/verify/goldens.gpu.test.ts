import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../../gpu/device.ts';
import type { CacheType } from '../../kernels/attention/kv-cache.ts';
import { stateTraits } from '../../testing/checkpoints/config-traits.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { ALL, covering } from '../../testing/extent.ts';
import { FEATURES, fixtureFolder, goldenArchitecture, GOLDENS } from '../../testing/models/fixtures.ts';
import { goldenFiles } from '../../testing/models/golden.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { SCHEMES } from '../../weights/manifest.ts';
import { fewWays } from './passes.ts';
import { formatRow } from './table.ts';
import { type Row, verifyFiles } from './verify-folder.ts';

// Every family against transformers, through all of the GPU's path, in chunks and in single decode steps.

/** A model takes some ten seconds of a processor, and other work goes on. */
const PATIENCE = 600_000;

describe.skipIf(!hasAdapter)('verified against transformers', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  async function verify(golden: string, dtype: (typeof SCHEMES)[number], kvCacheType: CacheType = 'f32'): Promise<Row> {
    const options = { schemes: [dtype], tolerance: null, ways: fewWays, kvCacheType };
    const files = memorySource(goldenFiles(fixtureFolder(golden)));
    for await (const row of verifyFiles(gpu, golden, files, options)) return row;
    throw new Error('There is no row.');
  }

  /** @param least share of the channels that are judged: in the others the reference itself is not exact enough */
  function expectPass(row: Row, least = 1): void {
    if ('fault' in row || !row.result.pass) throw new Error(formatRow(row));
    expect(row.result.positions).toBeGreaterThan(0);
    expect(row.result.steps).toBeGreaterThan(0);
    expect(row.result.hidden).not.toBeNull();
    expect(row.result.splitsMade).toBe(1);
    expect(row.result.greedy!.decided).toBeGreaterThan(0);
    const { judged, channels } = row.result.channels!;
    expect(judged).toBeGreaterThanOrEqual(least * channels);
  }

  const features = (golden: string) =>
    FEATURES.filter((one) => one.golden === golden).map(({ family, feature }) => `${family}: ${feature}`);
  // All are held to transformers by the reference, and all families to the reference by random models.
  const goldens = Object.fromEntries(GOLDENS.map((golden) => [golden, goldenArchitecture(golden)]));
  const some = covering(goldens, stateTraits).map(([golden]) => ({ golden, shows: features(golden).join('; ') }));
  it.each(some)(
    '$golden ($shows)',
    { timeout: PATIENCE },
    // The weights of zamba2-groups are products, each rounded once more than those of transformers.
    async ({ golden }) => expectPass(await verify(golden, 'f32'), golden === 'zamba2-groups' ? 0.99 : 1),
  );

  // In every scheme, models are held to the reference elsewhere.
  it.each(SCHEMES.filter((scheme) => (ALL ? scheme !== 'f32' : scheme.startsWith('int'))))(
    'bamba-short in %s',
    { timeout: PATIENCE },
    async (scheme) => {
      expectPass(await verify('bamba-short', scheme), 0.95);
    },
  );

  it.each(['f16', 'int8'] as const)('bamba-short with keys and values in %s', { timeout: PATIENCE }, async (type) => {
    expectPass(await verify('bamba-short', 'f32', type), 0.95);
  });
});
