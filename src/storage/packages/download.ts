import { BambaError } from '../../errors.ts';
import type { BlobEntry } from '../../weights/manifest.ts';
import { readInPieces } from '../../weights/pieces.ts';
import { sha256Hex } from '../../weights/sha256.ts';
import type { HttpSource } from '../remote/http-source.ts';
import type { StoredPieces } from '../store/stored-pieces.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export interface DownloadOptions {
  signal: AbortSignal | undefined;
  /** The pieces of the file from earlier visits; new ones are added. */
  pieces: StoredPieces;
  /** Bytes that are here; a negative number takes back those that are fetched again. */
  onBytes: (bytes: number, source: 'network' | 'storage') => void;
}

/**
 * Brings one file of a package, verified: pieces that are here, then the rest from the server. Where the whole turns out to
 * be wrong, it is fetched anew, once. The hash is the judge of pieces from different visits, as servers of other origins do
 * not tell their ETags.
 * @throws BambaError `shard_corrupt` where the bytes differ from what the manifest says, `network`, `access_denied`,
 * `storage_full`, `aborted`.
 */
export async function downloadBlob(source: HttpSource, entry: BlobEntry, options: DownloadOptions): Promise<Bytes> {
  const { signal, pieces, onBytes } = options;
  const bytes = new Uint8Array(entry.bytes);
  for (let anew = false; ; anew = true) {
    let filled = 0;
    try {
      const read = (begin: number, end: number) => source.read(entry.file, begin, end, signal, bytes.length);
      await readInPieces(bytes, read, pieces, (count, kept) => {
        filled += count;
        onBytes(count, kept ? 'storage' : 'network');
      });
      await verifyBlob(bytes, entry);
      return bytes;
    } catch (fault) {
      const error = wrong(fault) ? corrupt(entry, 'the server has it not as the manifest says') : fault;
      if (!(error instanceof BambaError && error.code === 'shard_corrupt')) throw error;
      onBytes(-filled, 'network');
      await pieces.drop(entry.bytes);
      if (anew) throw error;
    }
  }
}

/** Whether a file is of another size than was said, or not there, or its parts are not those that were asked for. */
function wrong(fault: unknown): boolean {
  return fault instanceof BambaError && ['checkpoint_changed', 'checkpoint_corrupt'].includes(fault.code);
}

/**
 * Compares bytes with what the manifest says of them.
 * @throws BambaError `shard_corrupt`.
 */
export async function verifyBlob(bytes: Uint8Array<ArrayBuffer>, entry: BlobEntry): Promise<void> {
  if (bytes.length !== entry.bytes) throw corrupt(entry, `it has ${bytes.length} bytes, not ${entry.bytes}`);
  if ((await sha256Hex(bytes)) !== entry.sha256) throw corrupt(entry, 'its SHA-256 differs from the manifest');
}

function corrupt(entry: BlobEntry, reason: string): BambaError {
  return new BambaError(
    'shard_corrupt',
    `${entry.file} is damaged: ${reason}. Load again; if it stays so, the package on the server has to be replaced.`,
  );
}
