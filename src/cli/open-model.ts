import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { packCheckpoint } from '../engine/loading/pack-checkpoint.ts';
import { BambaError } from '../errors.ts';
import type { OrderedPackage } from '../storage/packages/package-source.ts';
import { openPackageFolder } from '../tools/models/folder.ts';
import { type Manifest, MANIFEST_FILE } from '../weights/manifest.ts';
import type { Scheme } from '../weights/types.ts';
import { openCheckpointFiles } from './checkpoint-place.ts';

/** Name of a model for people: that of its folder or file. */
export function modelName(place: string): string {
  return basename(resolve(place)).replace(/\.gguf$/i, '');
}

/**
 * The package in a folder, or one of a checkpoint or GGUF file, converted in memory.
 * @param scheme of the package; where it is left out, `fallback` for what is converted
 * @throws BambaError for what is no model, and `setting_invalid` for a package of another scheme.
 */
export async function openModel(
  place: string,
  scheme: Scheme | undefined,
  fallback: Scheme,
): Promise<OrderedPackage<Manifest>> {
  if (!existsSync(join(place, MANIFEST_FILE))) {
    const { files, repo } = await openCheckpointFiles(place);
    try {
      return await packCheckpoint(files, scheme ?? fallback, modelName(place));
    } finally {
      repo?.close();
    }
  }
  const source = await openPackageFolder(place);
  if (scheme === undefined || scheme === source.manifest.scheme) return source;
  throw new BambaError(
    'setting_invalid',
    `${place} is a package of ${source.manifest.scheme}, not of ${scheme}: leave --dtype out, or name the checkpoint.`,
  );
}
