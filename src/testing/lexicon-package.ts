import { fileURLToPath } from 'node:url';
import { openPackageFolder } from '../cli/folder.ts';
import type { PackageSource } from '../storage/package-source.ts';

/** The committed package of Lexicon. */
export function openLexiconPackage(): Promise<PackageSource> {
  return openPackageFolder(fileURLToPath(new URL('../../public/models/lexicon', import.meta.url)));
}
