import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BambaError } from '../../errors.ts';
import { type OrderedPackage, openPackageBytes } from '../../storage/packages/package-source.ts';
import { throwIfAborted } from '../../weights/abort.ts';
import type { ByteSource } from '../../weights/byte-source.ts';
import { type Manifest, MANIFEST_FILE, MAX_MANIFEST_BYTES, parseManifest } from '../../weights/manifest.ts';
import type { PackageSink } from '../../weights/package-writer.ts';

// Checkpoints and packages in folders.

/** A checkpoint's files in `folder`, read in ranges. */
export function folderSource(folder: string): ByteSource {
  return {
    async size(file) {
      const found = await stat(join(folder, file)).catch(() => null);
      return found?.isFile() ? found.size : null;
    },
    async list() {
      const entries = await readdir(folder, { withFileTypes: true });
      return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    },
    async read(file, begin, end, signal) {
      throwIfAborted(signal);
      const handle = await open(join(folder, file));
      try {
        const bytes = new Uint8Array(end - begin);
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, begin + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      } finally {
        await handle.close();
      }
    },
  };
}

/** Writes a package into `folder`, which is made if need be. Its old manifest goes first: a half-written package has none. */
export async function folderSink(folder: string): Promise<PackageSink> {
  await mkdir(folder, { recursive: true });
  await rm(join(folder, MANIFEST_FILE), { force: true });
  return {
    async write(file, bytes) {
      try {
        await writeFile(join(folder, file), bytes);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
        throw new BambaError(
          'storage_full',
          `The disk is full: ${file} (${bytes.length} bytes) could not be written.`,
          {
            cause,
          },
        );
      }
    },
  };
}

/**
 * The package in `folder`.
 * @throws BambaError `manifest_invalid` also where there is no package.
 */
export async function openPackageFolder(folder: string): Promise<OrderedPackage<Manifest>> {
  const path = join(folder, MANIFEST_FILE);
  const found = await stat(path).catch(() => null);
  if (!found?.isFile() || found.size > MAX_MANIFEST_BYTES) {
    throw new BambaError(
      'manifest_invalid',
      `${folder} holds no package: there is no ${MANIFEST_FILE} in it. Make one with \`npm run convert\`.`,
    );
  }
  const manifest = parseManifest(await readFile(path));
  return openPackageBytes(manifest, async (file) => new Uint8Array(await readFile(join(folder, file))));
}
