import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageTensors, parseConfig } from '../../architecture/config.ts';
import { dryRun } from '../../model/cost/dry-run.ts';
import { GpuWeights } from '../../model/gpu-weights.ts';
import { Model } from '../../model/model.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import { countingGpu } from '../../testing/engines/counting-gpu.ts';
import { ALL } from '../../testing/extent.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { planTensors } from '../../weights/package-writer.ts';
import { SCHEMES } from '../../weights/manifest.ts';
import { SHAPES } from '../shapes.ts';

// What the cost model says of memory, held to what `GpuWeights` and `Model` allocate, for every model that is here.

const FIXTURES = join(import.meta.dirname, '../../testing/fixtures');
const encode = (config: object) => new TextEncoder().encode(JSON.stringify(config));

const goldens = readdirSync(FIXTURES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const MODELS: [string, () => Architecture][] = [
  ...Object.entries(SHAPES).map(([name, shape]): [string, () => Architecture] => [`the shape ${name}`, () => shape]),
  ...goldens.map(({ name }): [string, () => Architecture] => [
    `the golden ${name}`,
    () => parseConfig(readFileSync(join(FIXTURES, name, 'config.json'))).architecture,
  ]),
  ...Object.entries(FAMILY_CONFIGS).map(([name, config]): [string, () => Architecture] => [
    name,
    () => parseConfig(encode(config)).architecture,
  ]),
];

/** Of desktops, and of a device on which matrices of large models and long caches lie in parts. */
const LIMITS = [
  { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 31 - 4 },
  { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
];

describe('dryRun says to the byte what the loader allocates, and what a token dispatches', () => {
  it.each(MODELS.map(([name, read], index) => ({ name, read, index })))('of $name', async ({ read, index: turn }) => {
    const architecture = read();
    // All devices where everything is tested, else each in turn.
    for (const index of ALL ? LIMITS.keys() : [turn % LIMITS.length]) {
      const limits = LIMITS[index]!;
      const gpu = await countingGpu(limits);
      const scheme = SCHEMES[turn % SCHEMES.length]!;
      const entries = planTensors(packageTensors(architecture), scheme);
      const tokens = index === 0 ? 300 : 20_000;
      const weights = await GpuWeights.allocate(gpu, entries);
      await weights.finishUploads();
      const model = await Model.create(gpu, architecture, weights, { contextLength: 32_768, kvCacheType: 'f16' });
      await model.reserve(tokens);
      const { chunkTokens, state } = model;
      const settings = {
        tokens: state.capacity,
        chunkTokens,
        cacheType: 'f16',
        limits,
        features: gpu.features,
      } as const;
      const { bytes, step, ...run } = dryRun(architecture, entries, settings);
      expect(bytes.weights).toBe(model.bytes.weights);
      expect(bytes.state + bytes.keysAndValues).toBe(model.bytes.state);
      expect(bytes.working).toBe(model.bytes.activations);
      expect(run.chunkTokens).toBe(chunkTokens);
      expect(step.map(({ label, kernel }) => `${label} / ${kernel.name}`)).toEqual(model.decodeDispatches);
    }
  });
});
