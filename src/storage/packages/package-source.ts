import { BambaError } from '../../errors.ts';
import { abortable } from '../../weights/abort.ts';
import type { BlobEntry, Manifest, PackageFile } from '../../weights/manifest.ts';
import type { SmallerScheme } from '../../weights/smaller-schemes.ts';
import { type Clock, systemClock } from '../store/clock.ts';
import { verifyBlob } from './download.ts';
import type { Fetch } from '../remote/fetch.ts';
import { browserLocks, type Locks } from '../store/locks.ts';
import { fetchManifest, packageUrl } from '../remote/manifest-source.ts';
import { PackageBlobs } from './package-blobs.ts';
import { type PackageProgress, ProgressMeter } from './progress.ts';
import { goesOnWithout } from '../store/storage-faults.ts';
import { PackageStore } from '../store/store.ts';

/**
 * The facts of a package that loading needs: its manifest without the hashes, which a package lacks while it is being made.
 */
export interface PackageDescription extends Omit<Manifest, 'format' | 'version' | 'shards' | 'files'> {
  shards: readonly { bytes: number }[];
  files: { readonly [File in PackageFile]?: object | undefined };
}

/** A package that is open: all that comes out of it is verified. */
export interface PackageSource {
  readonly manifest: PackageDescription;
  /**
   * A text file of the package. Whether there is one is in `manifest.files`.
   * @throws BambaError `config_invalid` where the package has no such file; else as `shard`.
   */
  file(name: PackageFile): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * One shard. Meant to be called in order: the next shard is then on its way while this one is being used.
   * @throws BambaError `shard_corrupt`, `network`, `storage_full`, `aborted`; of a package that is being made also
   * `checkpoint_invalid`, `checkpoint_changed`, `unsupported_model`.
   */
  shard(index: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * SHA-256 of every shard; null while there is one that was not made yet. Once all were handed out, all are known. Left
   * out where nothing vouches for them.
   */
  readonly shardHashes?: readonly string[] | null;
  /** The same model in smaller schemes, the largest first; only where the package could be made in them instead. */
  smaller?(): SmallerScheme[];
}

/** The loader of a package's parts. */
export interface PackageLoader {
  file(name: PackageFile): Promise<Uint8Array<ArrayBuffer>>;
  shard(index: number, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>>;
  /** See `PackageSource`. */
  readonly shardHashes: readonly string[] | null;
}

export interface StoredPackageOptions {
  /**
   * Where the package is kept. Left out, the default store is opened, and where the browser denies one, the package is
   * loaded from the network alone; null asks for that.
   */
  store?: PackageStore | null;
  /** Ends loading; what has come stays stored. */
  signal?: AbortSignal;
  /** Called at most some ten times a second. */
  onProgress?: (progress: PackageProgress) => void;
  fetch?: Fetch;
  locks?: Locks | null;
  /** How long a package that is stored waits for the network's manifest before it goes on with the stored one. */
  manifestTimeoutMs?: number;
  clock?: Clock;
  /** Told when a server keeps us waiting, with a sentence for people. */
  onWait?: (message: string) => void;
}

/**
 * Opens the package in the folder `url`, in a browser. The manifest comes from the network if possible. All else comes from
 * IndexedDB if it is there, whole and unchanged. Nothing large is loaded yet.
 *
 * ```ts
 * const source = await openStoredPackage('https://example.org/models/lexicon/', { onProgress });
 * for (let i = 0; i < source.manifest.shards.length; i++) upload(await source.shard(i));
 * ```
 * @throws BambaError `network`, `manifest_invalid`, `manifest_version`, `storage_full` before any download, `aborted`.
 */
export async function openStoredPackage(
  url: string,
  options: StoredPackageOptions = {},
): Promise<OrderedPackage<Manifest>> {
  const { signal, fetch = (...request) => globalThis.fetch(...request), clock = systemClock } = options;
  const { onWait = () => {} } = options;
  const base = packageUrl(url);
  const store =
    options.store === undefined ? await defaultStore(signal, (error) => onWait(goesOnWithout(error))) : options.store;
  const manifest = await fetchManifest(base, store, {
    fetch,
    clock,
    signal,
    onWait,
    timeoutMs: options.manifestTimeoutMs ?? 5000,
  });
  const meter = new ProgressMeter(manifest.stream.bytes, options.onProgress ?? (() => {}));
  const locks = options.locks === undefined ? browserLocks() : options.locks;
  const blobs = await PackageBlobs.open(base, manifest, { store, fetch, locks, clock, onWait });
  const counts = new Set(manifest.shards);
  return new OrderedPackage(manifest, signal, {
    shardHashes: hashesOf(manifest),
    file: (name) => blobs.load(manifest.files[name] as BlobEntry, signal),
    async shard(index, shardSignal) {
      const entry = manifest.shards[index] as BlobEntry;
      // Loaded a second time, as after the loss of the GPU, a shard is no news.
      if (!counts.has(entry)) return blobs.load(entry, shardSignal);
      const bytes = await blobs.load(entry, shardSignal, (received, source) => meter.add(received, source));
      counts.delete(entry);
      return bytes;
    },
  });
}

/**
 * A package whose files `read` gives: a folder in Node, memory in tests. Verified as any other.
 * @param read the whole file of this name.
 */
export function openPackageBytes(
  manifest: Manifest,
  read: (file: string) => Promise<Uint8Array<ArrayBuffer>>,
): OrderedPackage<Manifest> {
  const load = async (entry: BlobEntry) => {
    const bytes = await read(entry.file);
    await verifyBlob(bytes, entry);
    return bytes;
  };
  return new OrderedPackage(manifest, undefined, {
    shardHashes: hashesOf(manifest),
    file: (name) => load(manifest.files[name] as BlobEntry),
    shard: (index) => load(manifest.shards[index] as BlobEntry),
  });
}

function hashesOf({ shards }: Manifest): readonly string[] {
  return shards.map(({ sha256 }) => sha256);
}

/**
 * The browser's store; null where it cannot be used, which `onUnavailable` hears of.
 * @throws BambaError `aborted`.
 */
export async function defaultStore(
  signal: AbortSignal | undefined,
  onUnavailable: (error: BambaError) => void,
): Promise<PackageStore | null> {
  try {
    return await PackageStore.open(undefined, { signal });
  } catch (error) {
    if (!(error instanceof BambaError && error.code === 'storage_unavailable')) throw error;
    onUnavailable(error);
    return null;
  }
}

/** Hands out shards, with one of them ahead: two in memory at the most, the caller's and the next. */
export class OrderedPackage<Description extends PackageDescription> implements PackageSource {
  readonly manifest: Description;
  readonly #signal: AbortSignal | undefined;
  readonly #loader: PackageLoader;
  #ahead: { index: number; bytes: Promise<Uint8Array<ArrayBuffer>>; stop: AbortController } | null = null;

  constructor(manifest: Description, signal: AbortSignal | undefined, loader: PackageLoader) {
    this.manifest = manifest;
    this.#signal = signal;
    this.#loader = loader;
  }

  get shardHashes(): readonly string[] | null {
    return this.#loader.shardHashes;
  }

  async file(name: PackageFile): Promise<Uint8Array<ArrayBuffer>> {
    if (this.manifest.files[name]) return this.#loader.file(name);
    throw new BambaError(
      'config_invalid',
      `The package ${this.manifest.name} has no ${name}. Convert the model again from a folder that has it.`,
    );
  }

  async shard(index: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead && ahead.index !== index) ahead.stop.abort();
    const pending = ahead?.index === index ? ahead.bytes : this.#load(index, signal);
    const bytes = await abortable(pending, signal);
    if (index + 1 < this.manifest.shards.length) this.#loadAhead(index + 1);
    return bytes;
  }

  #load(index: number, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
    const { length } = this.manifest.shards;
    if (index >= length) throw new RangeError(`There are ${length} shards, and none of number ${index}.`);
    const signals = [this.#signal, signal].filter((one) => one !== undefined);
    return this.#loader.shard(index, signals.length > 1 ? AbortSignal.any(signals) : signals[0]);
  }

  #loadAhead(index: number): void {
    const stop = new AbortController();
    const bytes = this.#load(index, stop.signal);
    // A failure is for whoever asks for that shard; nobody may.
    bytes.catch(() => {});
    this.#ahead = { index, bytes, stop };
  }
}
