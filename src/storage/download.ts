import { BambaError } from '../errors.ts';
import type { BlobEntry } from '../weights/manifest.ts';
import { fillFromPieces, PIECE_BYTES } from '../weights/pieces.ts';
import { sha256Hex } from '../weights/sha256.ts';
import type { Clock } from './clock.ts';
import { type Fetch, isWebPage } from './fetch.ts';
import { HttpBody } from './http-body.ts';
import { Retry } from './retry.ts';
import type { StoredPieces } from './stored-pieces.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export interface DownloadOptions {
  fetch: Fetch;
  clock: Clock;
  signal: AbortSignal | undefined;
  /** What is here of the file from earlier visits; what comes is added. */
  pieces: StoredPieces;
  /** Bytes that are here; a negative number takes back those that are fetched again. */
  onBytes: (bytes: number, source: 'network' | 'storage') => void;
  /** Told when a server keeps us waiting, with a sentence for people. */
  onWait: (message: string) => void;
}

/**
 * Brings one file of a package, verified: pieces that are here, then the rest from the server, which is asked again for
 * what lacks where the connection breaks off. Where the whole turns out to be wrong, it is fetched anew, once. The hash is
 * the judge of pieces from different visits, as servers of other origins do not tell their ETags.
 * @throws BambaError `shard_corrupt` where the bytes differ from what the manifest says, `network`, `access_denied`,
 * `storage_full`, `aborted`.
 */
export async function downloadBlob(url: URL, entry: BlobEntry, options: DownloadOptions): Promise<Bytes> {
  const { pieces, onBytes } = options;
  const bytes = new Uint8Array(entry.bytes);
  let filled = await fillFromPieces(bytes, 0, pieces);
  if (filled > 0) onBytes(filled, 'storage');
  for (let anew = false; ; anew = true) {
    const download = new Download(url, entry, bytes, filled, options);
    try {
      await download.run();
      await verifyBlob(bytes, entry);
      return bytes;
    } catch (error) {
      if (!(error instanceof BambaError && error.code === 'shard_corrupt')) {
        // What came is kept, if that can be.
        await download
          .keep()
          .then(() => pieces.settle())
          .catch(() => {});
        throw error;
      }
      onBytes(-download.filled, 'network');
      await pieces.drop(entry.bytes);
      if (anew) throw error;
      filled = 0;
    }
  }
}

/** One file on its way. */
class Download {
  readonly #url: URL;
  readonly #entry: BlobEntry;
  readonly #bytes: Bytes;
  readonly #options: DownloadOptions;
  /** How far it has come. */
  filled: number;
  #kept: number;

  constructor(url: URL, entry: BlobEntry, bytes: Bytes, filled: number, options: DownloadOptions) {
    this.#url = url;
    this.#entry = entry;
    this.#bytes = bytes;
    this.#options = options;
    this.filled = filled;
    this.#kept = filled;
  }

  /** Fills the rest of the bytes. */
  async run(): Promise<void> {
    const retry = new Retry(this.#options);
    let farthest = this.filled;
    while (this.filled < this.#bytes.length) {
      try {
        await this.#receive();
      } catch (fault) {
        // A server that begins from the start each time gets nowhere.
        if (this.filled > farthest) retry.succeeded();
        farthest = Math.max(farthest, this.filled);
        await retry.after(fault);
      }
    }
  }

  /** Takes one answer to its end. @throws TransientFault, BambaError. */
  async #receive(): Promise<void> {
    const { fetch, clock, signal, onBytes } = this.#options;
    const headers: Record<string, string> = this.filled > 0 ? { range: `bytes=${this.filled}-` } : {};
    const body = await HttpBody.open({ fetch, clock, signal, url: this.#url, headers });
    try {
      this.#begin(body.response);
      for (let chunk = await body.next(signal); chunk; chunk = await body.next(signal)) {
        if (this.filled + chunk.length > this.#bytes.length) {
          throw corrupt(this.#entry, `it is longer than its ${this.#bytes.length} bytes`);
        }
        this.#bytes.set(chunk, this.filled);
        this.filled += chunk.length;
        onBytes(chunk.length, 'network');
        if (this.filled - this.#kept >= PIECE_BYTES) await this.keep();
      }
    } finally {
      body.close();
    }
    const { length } = this.#bytes;
    if (this.filled < length) throw corrupt(this.#entry, `it has ${this.filled} bytes, not ${length}`);
  }

  /** Goes to where the answer begins. */
  #begin(response: Response): void {
    const { status, headers } = response;
    if (status === 404) {
      throw new BambaError('network', `${this.#url.href} gave the answer 404. Check the address of the model.`);
    }
    if (isWebPage(response)) throw corrupt(this.#entry, 'the server answered with a web page in its place');
    if (status === 416) throw corrupt(this.#entry, `it has fewer than its ${this.#bytes.length} bytes`);
    // Servers of other origins may not tell: they begin where they were asked to.
    const told = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1];
    if (status === 206 && (told === undefined || Number(told) === this.filled)) return;
    if (status === 206) throw corrupt(this.#entry, 'the server sent another part of it than was asked for');
    // A server that knows no ranges sends all of it.
    this.#options.onBytes(-this.filled, 'network');
    this.filled = 0;
  }

  /** Keeps what is not kept yet. */
  async keep(): Promise<void> {
    const { pieces } = this.#options;
    // Of a file that comes from its start again, some is kept already.
    if (this.filled <= this.#kept) return;
    await pieces.keep([{ begin: this.#kept, bytes: this.#bytes.slice(this.#kept, this.filled) }]);
    this.#kept = this.filled;
  }
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
