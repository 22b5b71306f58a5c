import type { Gpu } from '../../gpu/device.ts';
import { parseTuning, type Tuning } from '../../model/tuning.ts';
import { readTuning, writeTuning } from '../../storage/store/tuning-store.ts';
import { shadersHash } from '../states/state-binding.ts';

// Which tuning is for an adapter: that of its name, features and limits, measured with these very shaders.

async function keyOf({ adapterInfo, features, limits }: Gpu): Promise<string> {
  const { vendor, architecture, device, description } = adapterInfo;
  return JSON.stringify([vendor, architecture, device, description, features, limits, await shadersHash()]);
}

/** The tuning that was kept for this adapter, or null. */
export async function storedTuning(gpu: Gpu): Promise<Tuning | null> {
  // Not to hash for nothing: Node has no such storage.
  if (typeof indexedDB === 'undefined') return null;
  return parseTuning(await readTuning(await keyOf(gpu)));
}

/** Keeps a tuning for this adapter: models that are loaded from now on have it. @throws BambaError `storage_unavailable`, `storage_full`. */
export async function keepTuning(gpu: Gpu, tuning: Tuning): Promise<void> {
  await writeTuning(await keyOf(gpu), tuning);
}
