import { fileURLToPath } from 'node:url';
import { openPackageFolder } from '../../tools/models/folder.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';

/** The committed package of Lexicon. */
export function openLexiconPackage(): Promise<PackageSource> {
  return openPackageFolder(fileURLToPath(new URL('../../../public/models/lexicon', import.meta.url)));
}
