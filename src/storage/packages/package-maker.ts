import { BambaError } from '../../errors.ts';
import { throwIfAborted } from '../../weights/abort.ts';
import {
  type BlobEntry,
  type Manifest,
  type PackageFile,
  SHARD_BYTES,
  shardBytes,
  shardFile,
} from '../../weights/manifest.ts';
import type { PackageStream } from '../../weights/package-stream.ts';
import type { PieceKeeper } from '../../weights/pieces.ts';
import { sha256Hex } from '../../weights/sha256.ts';
import { verifyBlob } from './download.ts';
import type { PackageLoader } from './package-source.ts';
import { type PackageProgress, ProgressMeter } from './progress.ts';
import { ShardMaker } from './shard-maker.ts';
import type { StoredConversion } from '../store/database.ts';
import type { PackageStore } from '../store/store.ts';
import { StoredBlobs } from '../store/stored-blobs.ts';
import { StoredPieces } from '../store/stored-pieces.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** A checkpoint that is open, with the package that becomes of it. */
export interface Making {
  stream: PackageStream;
  /** A text file of the checkpoint. */
  readFile(file: PackageFile, pieces?: PieceKeeper): Promise<Uint8Array | null>;
}

/** The parts that finish a package. */
export interface Unfinished {
  record: StoredConversion;
  stream: PackageStream;
  /** Compares what was read with what is declared of it. @throws BambaError `checkpoint_corrupt`; what reading throws. */
  verify: () => Promise<void>;
  /** Keeps how far comparing is, for a later visit. */
  keepHashes: () => Promise<void>;
  /** To be called when it is whole. */
  commit: (shards: BlobEntry[]) => Promise<void>;
}

export interface PackageMakerParts {
  id: string;
  /** Of what the package is made from: unfinished shards are kept under it. Null where they are not worth keeping. */
  identity: string | null;
  /** Null where the browser keeps nothing. */
  store: PackageStore | null;
  /** As far as they are known; those that are stored, and those that a complete package had. */
  shards: (BlobEntry | null)[];
  files: Manifest['files'];
  /** The hashes of the stored blobs. */
  stored: ReadonlySet<string>;
  /** Opens the checkpoint. Called once at most, and not at all where everything is stored. */
  open: () => Promise<Making>;
  /** Of a package that is being made: its record, and what to do when it is whole. */
  making: Unfinished | null;
  totalBytes: number;
  packageBytes: number;
  onProgress: (progress: PackageProgress) => void;
  /** A sentence for people about what is not as usual. */
  onMessage: (message: string) => void;
  signal: AbortSignal | undefined;
}

/**
 * A package that is made from a checkpoint. Shards that are stored and whole come from the store. All others are made, now
 * or again, and stored. One that was damaged costs no more than its own part of the checkpoint.
 */
export class PackageMaker implements PackageLoader {
  readonly #parts: PackageMakerParts;
  readonly #shards: (BlobEntry | null)[];
  readonly #stored: Set<string>;
  readonly #meter: ProgressMeter;
  /** Bytes of progress that were reported of each shard. */
  readonly #counted: number[];
  readonly #blobs: StoredBlobs;
  #opened: Promise<{ making: Making; maker: ShardMaker }> | null = null;
  #committed: boolean;
  #verified: boolean;

  constructor(parts: PackageMakerParts) {
    this.#parts = parts;
    this.#shards = [...parts.shards];
    this.#stored = new Set(parts.stored);
    const { store, id, onMessage } = parts;
    this.#blobs = new StoredBlobs(store, id, { lacking: () => this.#lacking(), onGone: onMessage });
    this.#committed = parts.making === null;
    this.#verified = parts.making === null;
    this.#meter = new ProgressMeter(parts.totalBytes, parts.onProgress);
    this.#counted = this.#shards.map(() => 0);
  }

  get shardHashes(): readonly string[] | null {
    const hashes = this.#shards.map((entry) => entry?.sha256);
    return hashes.every((hash) => hash !== undefined) ? hashes : null;
  }

  async file(name: PackageFile): Promise<Bytes> {
    const entry = this.#parts.files[name] as BlobEntry;
    const stored = await this.#fromStore(entry);
    if (stored) return stored;
    const { making } = await this.#open();
    const bytes = new Uint8Array((await making.readFile(name)) ?? []);
    await verifyBlob(bytes, entry);
    await this.#blobs.use((store) => store.putBlob(this.#parts.id, entry.sha256, bytes));
    return bytes;
  }

  async shard(index: number, signal: AbortSignal | undefined): Promise<Bytes> {
    throwIfAborted(signal);
    const known = this.#shards[index] ?? null;
    const stored = known && (await this.#fromStore(known));
    if (stored) this.#count(index, this.#share(index, (index + 1) * SHARD_BYTES), 'storage');
    try {
      const bytes = stored ?? (await this.#make(index, known, signal));
      await this.#finish();
      return bytes;
    } catch (error) {
      // Earlier shards are of the same file, and no better.
      if (isCorrupt(error)) await this.#blobs.use((store) => store.dropConversion(this.#parts.id));
      throw error;
    }
  }

  async #make(index: number, known: BlobEntry | null, signal: AbortSignal | undefined): Promise<Bytes> {
    const { maker } = await this.#open();
    const bytes = await maker.make(index, this.#nextStored(index + 1), signal);
    const entry = { file: shardFile(index), bytes: bytes.length, sha256: await sha256Hex(bytes) };
    if (known && known.sha256 !== entry.sha256) {
      throw new BambaError(
        'shard_corrupt',
        `${known.file} was damaged and cannot be made again as it was. Delete the stored model and load it again.`,
      );
    }
    this.#shards[index] = entry;
    this.#count(index, this.#share(index, (index + 1) * SHARD_BYTES), 'network');
    const { id, identity, making } = this.#parts;
    const conversion =
      making && !this.#committed ? { ...making.record, shards: this.#shards, savedAt: Date.now() } : undefined;
    const begin = index * SHARD_BYTES;
    const pieces = identity === null ? null : { of: identity, begin, end: begin + SHARD_BYTES };
    await this.#blobs.use(async (store) => {
      await store.putBlob(id, entry.sha256, bytes, { conversion, ...(pieces && { pieces }) });
      this.#stored.add(entry.sha256);
    });
    if (!this.#committed) await making?.keepHashes();
    return bytes;
  }

  /** The first shard from `index` on that need not be made, or their number. */
  #nextStored(index: number): number {
    const found = this.#shards.findIndex((entry, i) => i >= index && entry !== null && this.#stored.has(entry.sha256));
    return found < 0 ? this.#shards.length : found;
  }

  #open(): Promise<{ making: Making; maker: ShardMaker }> {
    const { id, identity, signal } = this.#parts;
    const keepHashes = this.#parts.making?.keepHashes;
    const pieces = identity === null ? null : new StoredPieces(this.#blobs.use, id, identity, keepHashes);
    const onPosition = (position: number, made: boolean) => {
      const index = Math.ceil(position / SHARD_BYTES) - 1;
      this.#count(index, this.#share(index, position), made ? 'network' : 'storage');
    };
    const options = { ...(signal && { signal }), ...(pieces && { pieces }), onPosition };
    this.#opened ??= this.#parts.open().then((making) => ({ making, maker: new ShardMaker(making.stream, options) }));
    return this.#opened;
  }

  async #fromStore(entry: BlobEntry): Promise<Bytes | null> {
    const bytes = await this.#blobs.read(entry);
    if (!bytes) this.#stored.delete(entry.sha256);
    return bytes;
  }

  /** Progress of shard `index` up to `position`: bytes of the checkpoint while it is being read, else of the package. */
  #share(index: number, position: number): number {
    const begin = index * SHARD_BYTES;
    const { making, totalBytes } = this.#parts;
    if (!making) return Math.min(position, totalBytes) - begin;
    return making.stream.sourceBytesAt(position) - making.stream.sourceBytesAt(begin);
  }

  #count(index: number, bytes: number, source: PackageProgress['source']): void {
    const more = bytes - (this.#counted[index] ?? 0);
    if (more <= 0) return;
    this.#counted[index] = bytes;
    this.#meter.add(more, source);
  }

  async #finish(): Promise<void> {
    const { making } = this.#parts;
    if (!this.#verified && making && this.#shards.every((entry) => entry !== null)) {
      await making.verify();
      this.#verified = true;
    }
    if (this.#committed || !making || this.#nextMissing() !== null) return;
    this.#committed = true;
    await this.#blobs.use(() => making.commit(this.#shards as BlobEntry[]));
  }

  #nextMissing(): number | null {
    const found = this.#shards.findIndex((entry) => !entry || !this.#stored.has(entry.sha256));
    return found < 0 ? null : found;
  }

  /** Bytes of the package that are not stored, pieces not counted. */
  #lacking(): number {
    const missing = this.#shards.map((entry) => !entry || !this.#stored.has(entry.sha256));
    const { packageBytes } = this.#parts;
    return missing.reduce((sum, lacks, index) => sum + (lacks ? shardBytes(packageBytes, index) : 0), 0);
  }
}

/** Whether a fault says that what a server sent is not what it declares. */
export function isCorrupt(fault: unknown): boolean {
  return fault instanceof BambaError && fault.code === 'checkpoint_corrupt';
}
