import { BambaError } from '../../errors.ts';
import { throwIfAborted } from '../../weights/abort.ts';
import type { BlobEntry, Manifest } from '../../weights/manifest.ts';
import type { Clock } from '../store/clock.ts';
import { downloadBlob } from './download.ts';
import type { Fetch } from '../remote/fetch.ts';
import { HttpSource } from '../remote/http-source.ts';
import { type Locks, withLock } from '../store/locks.ts';
import { packageEntries } from './package-entries.ts';
import { goesOnWithout, storageEstimate, storageFull } from '../store/storage-faults.ts';
import type { PackageStore } from '../store/store.ts';
import { StoredBlobs } from '../store/stored-blobs.ts';
import { StoredPieces } from '../store/stored-pieces.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Received = (bytes: number, source: 'network' | 'storage') => void;

interface BlobOptions {
  store: PackageStore | null;
  fetch: Fetch;
  locks: Locks | null;
  clock: Clock;
  /** Told when a server keeps us waiting, or storage is of no use, with a sentence for people. */
  onWait: (message: string) => void;
}

/**
 * Files and shards of one package: from the store if they are there and whole, else from the network and into the store.
 * When the last one is stored, the package's manifest is committed. Until then a complete older version of the package stays
 * as it was. So an interrupted update leaves a model that works offline.
 */
export class PackageBlobs {
  readonly #base: URL;
  readonly #manifest: Manifest;
  readonly #locks: Locks | null;
  readonly #source: HttpSource;
  readonly #stored: StoredBlobs;
  /** Not stored yet, by hash. */
  readonly #missing: Map<string, BlobEntry>;
  /** Whether the store has this manifest, and nothing that it does not name. */
  #committed = false;

  private constructor(base: URL, manifest: Manifest, options: BlobOptions, stored: ReadonlyMap<string, number>) {
    this.#base = base;
    this.#manifest = manifest;
    this.#locks = options.locks;
    const entries = packageEntries(manifest);
    const { fetch, clock, onWait } = options;
    this.#stored = new StoredBlobs(options.store, base.href, { lacking: () => this.#lacking(), onGone: onWait });
    const files = new Map(entries.map(({ file, bytes, sha256 }) => [file, { size: bytes, identity: sha256 }]));
    this.#source = new HttpSource((file) => new URL(file, base), { fetch, clock, onWait, files });
    const missing = entries.filter(({ sha256 }) => !stored.has(sha256));
    this.#missing = new Map(missing.map((entry) => [entry.sha256, entry]));
  }

  /** @throws BambaError `storage_full` where what is missing cannot fit. */
  static async open(base: URL, manifest: Manifest, options: BlobOptions): Promise<PackageBlobs> {
    let { store } = options;
    let stored = new Map<string, number>();
    try {
      stored = (await store?.blobSizes(base.href)) ?? stored;
    } catch (error) {
      store = null;
      if (error instanceof BambaError) options.onWait(goesOnWithout(error));
    }
    const blobs = new PackageBlobs(base, manifest, { ...options, store }, stored);
    await blobs.#prepare(stored);
    return blobs;
  }

  /** Asks for room, and stores the manifest unless a complete older package would be lost. */
  async #prepare(stored: ReadonlyMap<string, number>): Promise<void> {
    if (!this.#stored.kept) return;
    if (this.#missing.size === 0) return this.#commit();
    await askToPersist();
    // Pieces take room until their shard takes it.
    const needed = this.#lacking() - ((await this.#stored.use((to) => to.pieceBytes(this.#base.href))) ?? 0);
    const { quota, usage } = (await storageEstimate()) ?? {};
    if (quota !== undefined && usage !== undefined && needed > quota - usage) throw await storageFull(needed);
    await this.#stored.use(async (to) => {
      const older = await to.manifest(this.#base.href);
      const whole = older && packageEntries(older).every(({ sha256 }) => stored.has(sha256));
      if (!whole) await to.putManifest(this.#base.href, this.#manifest);
    });
  }

  /**
   * The file or shard, verified.
   * @throws BambaError `shard_corrupt`, `network`, `storage_full`, `aborted`.
   */
  async load(entry: BlobEntry, signal?: AbortSignal, onBytes: Received = () => {}): Promise<Bytes> {
    throwIfAborted(signal);
    const bytes =
      (await this.#fromStore(entry, onBytes)) ??
      (await withLock(this.#locks, this.#lockName(entry), signal, async () => {
        // Another tab may have brought it while this one waited.
        return (await this.#fromStore(entry, onBytes)) ?? this.#fromNetwork(entry, signal, onBytes);
      }));
    this.#missing.delete(entry.sha256);
    if (!this.#committed) await this.#finish(signal);
    return bytes;
  }

  async #fromStore(entry: BlobEntry, onBytes: Received): Promise<Bytes | null> {
    const bytes = await this.#stored.read(entry);
    if (bytes) onBytes(bytes.length, 'storage');
    return bytes;
  }

  async #fromNetwork(entry: BlobEntry, signal: AbortSignal | undefined, onBytes: Received): Promise<Bytes> {
    const id = this.#base.href;
    const pieces = new StoredPieces(this.#stored.use, id, entry.sha256);
    const bytes = await downloadBlob(this.#source, entry, { signal, pieces, onBytes });
    const own = { of: entry.sha256, begin: 0, end: entry.bytes };
    await this.#stored.use((store) => store.putBlob(id, entry.sha256, bytes, { pieces: own }));
    return bytes;
  }

  /** Once all shards are stored: brings what else the package has, so that it is whole, and commits it. */
  async #finish(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#stored.kept || this.#manifest.shards.some(({ sha256 }) => this.#missing.has(sha256))) return;
    const [next] = this.#missing.values();
    if (next) await this.load(next, signal);
    else await this.#commit();
  }

  async #commit(): Promise<void> {
    this.#committed = true;
    await this.#stored.use((store) => store.commit(this.#base.href, this.#manifest));
  }

  /** Bytes that are not stored, pieces not counted. */
  #lacking(): number {
    return [...this.#missing.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #lockName(entry: BlobEntry): string {
    return `bamba-web ${this.#base.href} ${entry.sha256}`;
  }
}

/** Asks the browser not to evict the site's data. Only pages can ask; in a worker this does nothing. */
export async function askToPersist(): Promise<boolean> {
  try {
    return (await globalThis.navigator?.storage?.persist?.()) ?? false;
  } catch {
    return false;
  }
}
