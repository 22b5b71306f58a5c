import type { BlobEntry, Manifest } from '../../weights/manifest.ts';

/** Everything that a package consists of beside its manifest: files, then shards. */
export function packageEntries(manifest: Manifest): BlobEntry[] {
  return [...Object.values(manifest.files).filter((entry) => entry !== undefined), ...manifest.shards];
}
