import { describe, expect, it } from 'vitest';
import { Gpu, type GpuOptions, OPTIONAL_FEATURES } from '../../gpu/device.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { ALL } from '../../testing/extent.ts';
import { fixtureFolder } from '../../testing/models/fixtures.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import type { Scheme } from '../../weights/types.ts';
import { fewWays } from './passes.ts';
import { formatRow } from './table.ts';
import { verifyFolder } from './verify-folder.ts';

// The least that every device has: no optional feature, and the limits of the standard. A kernel that needs more fails here.

const LIMITS = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

const DEVICES: readonly { name: string; options: GpuOptions; schemes: readonly Scheme[] }[] = [
  { name: 'without optional features', options: { without: OPTIONAL_FEATURES }, schemes: ['f32'] },
  { name: 'with default limits', options: { defaultLimits: true }, schemes: ['f32'] },
  { name: 'with neither', options: { without: OPTIONAL_FEATURES, defaultLimits: true }, schemes: ['int8'] },
];

describe.skipIf(!hasAdapter).each(DEVICES)('a device $name', ({ options, schemes: sample }) => {
  const schemes: readonly Scheme[] = ALL ? ['f32', 'int8'] : sample;
  it('is what it is said to be', async () => {
    const gpu = await Gpu.request({ gpu: sharedGpu(), ...options });
    const { device, features } = gpu;
    gpu.dispose();
    if (options.defaultLimits) {
      expect(
        Object.fromEntries(Object.keys(LIMITS).map((name) => [name, device.limits[name as 'maxBufferSize']])),
      ).toEqual(LIMITS);
    }
    if (!options.without) return;
    for (const name of OPTIONAL_FEATURES) expect(features[name]).toBe(false);
    expect(features).toMatchObject({ subgroupMatrices: false, fixedPoint: false });
    for (const name of ['shader-f16', 'subgroups', 'timestamp-query']) expect(device.features.has(name)).toBe(false);
  });

  it(
    `computes what transformers does, in ${schemes.join(' and ')}, by chunks and by steps`,
    { timeout: 300_000 },
    async () => {
      const gpu = await Gpu.request({ gpu: sharedGpu(), ...options });
      try {
        const settings = { schemes, tolerance: null, ways: fewWays };
        let rows = 0;
        for await (const row of verifyFolder(gpu, fixtureFolder('bamba-short'), settings)) {
          if ('fault' in row || !row.result.pass) throw new Error(formatRow(row));
          expect(row.result.steps).toBeGreaterThan(0);
          rows++;
        }
        expect(rows).toBe(schemes.length);
        gpu.check();
      } finally {
        gpu.dispose();
      }
    },
  );
});
