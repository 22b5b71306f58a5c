import { packCheckpoint } from '../engine/pack-checkpoint.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { memorySource } from '../weights/byte-source.ts';
import { FAMILY_CONFIGS } from './family-configs.ts';
import { randomCheckpoint } from './random-checkpoint.ts';
import { tinyCheckpoint } from './tiny-model.ts';

const MAMBA = Object.values(FAMILY_CONFIGS).find(({ model_type }) => model_type === 'falcon_mamba');

/**
 * A checkpoint of Mamba-1 blocks alone, with the tiny model's text: where the CPU plays the GPU, its few shaders compile in
 * a quarter of the tiny model's time. For tests of what happens around a model, whatever it computes.
 * @param sizes of its config.json, instead of small ones
 */
export function quickCheckpoint(sizes: object = {}): Record<string, Uint8Array> {
  return { ...tinyCheckpoint(), ...randomCheckpoint({ ...MAMBA, vocab_size: 512, ...sizes }) };
}

/** Such a model as a package in memory. */
export function packQuickModel(): Promise<PackageSource> {
  return packCheckpoint(memorySource(quickCheckpoint()), 'f32', 'quick');
}
