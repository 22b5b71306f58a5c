import { packCheckpoint } from '../../engine/loading/pack-checkpoint.ts';
import { parseConfig } from '../../architecture/config.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import type { Manifest } from '../../weights/manifest.ts';
import { writePackage } from '../../weights/package-writer.ts';
import type { Scheme } from '../../weights/types.ts';
import { FAMILY_CONFIGS } from '../checkpoints/family-configs.ts';
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts';
import { tinyCheckpoint } from './tiny-model.ts';

const MAMBA = {
  ...Object.values(FAMILY_CONFIGS).find(({ model_type }) => model_type === 'falcon_mamba'),
  // Each bias is a kernel more.
  use_bias: false,
};

/**
 * A checkpoint of Mamba-1 blocks alone, with the tiny model's text: where the CPU plays the GPU, its few shaders compile in
 * a quarter of the tiny model's time. For tests of what happens around a model, whatever it computes.
 * @param sizes of its config.json, instead of small ones
 */
export function quickCheckpoint(sizes: object = {}): Record<string, Uint8Array> {
  return { ...tinyCheckpoint(), ...randomCheckpoint({ ...MAMBA, vocab_size: 512, ...sizes }) };
}

/** The files of a package of such a model, and its manifest. */
export async function quickPackage(
  name: string,
  checkpoint: Record<string, Uint8Array>,
  scheme: Scheme = 'f32',
): Promise<{ manifest: Manifest; files: Record<string, Uint8Array> }> {
  const source = memorySource(checkpoint);
  const { tensors, architecture } = parseConfig(checkpoint['config.json']!);
  const files: Record<string, Uint8Array> = {};
  const manifest = await writePackage({
    checkpoint: await Checkpoint.open(source),
    specs: tensors,
    scheme,
    name,
    architecture,
    sink: {
      write: async (file, bytes) => {
        files[file] = bytes;
      },
    },
  });
  return { manifest, files };
}

/** Such a model as a package in memory. */
export function packQuickModel(): Promise<PackageSource> {
  return packCheckpoint(memorySource(quickCheckpoint()), 'f32', 'quick');
}
