import { BambaError } from '../../errors.ts';
import { aborted } from '../../weights/abort.ts';
import { type BlobEntry, type Manifest, PACKAGE_FILES, SHARD_BYTES, shardBytes } from '../../weights/manifest.ts';
import type { PackageStream } from '../../weights/package-stream.ts';
import { type PackageFacts, packageManifest, planTensors } from '../../weights/package-writer.ts';
import { sha256Hex } from '../../weights/sha256.ts';
import { smallerSchemes, type SmallerScheme, suggestion } from '../../weights/smaller-schemes.ts';
import type { TensorSpec } from '../../weights/types.ts';
import type { CheckpointFiles } from '../remote/checkpoint-files.ts';
import type { Locks } from '../store/locks.ts';
import { type ConversionRequest, type OpenCheckpoint, openCheckpoint } from './open-checkpoint.ts';
import { askToPersist } from './package-blobs.ts';
import { isCorrupt, type Making, PackageMaker } from './package-maker.ts';
import { OrderedPackage, type PackageDescription } from './package-source.ts';
import type { PackageProgress } from './progress.ts';
import { storageEstimate, storageFull } from '../store/storage-faults.ts';
import type { StoredConversion } from '../store/database.ts';
import type { PackageStore } from '../store/store.ts';
import { StoredHashes } from '../store/stored-hashes.ts';
import { StoredPieces, type UseStore } from '../store/stored-pieces.ts';
import { ProgressChannel, takeTurn } from '../store/waiting.ts';

export interface ConversionOptions {
  store: PackageStore | null;
  locks: Locks | null;
  signal: AbortSignal | undefined;
  /** In bytes of the checkpoint's tensors; of a package that is stored, in its own. */
  onProgress: (progress: PackageProgress) => void;
  /** While another tab makes the package; its progress, as far as it is known. */
  onWaiting: (progress: PackageProgress | null) => void;
  /** A sentence for people about what is not as usual. */
  onMessage: (message: string) => void;
}

/**
 * Opens the package of a checkpoint: the stored one if there is one of its version, else one that comes into being as
 * its shards are asked for, and is stored. What an earlier visit has made is kept. Nothing large is loaded yet.
 * @throws BambaError `network`, `access_denied`, `config_invalid`, `checkpoint_invalid`, `unsupported_model`,
 * `storage_full` before any download of weights, `aborted`.
 */
export async function openConverted(request: ConversionRequest, options: ConversionOptions): Promise<ConvertedSource> {
  const { signal, locks, onWaiting } = options;
  const before = await openFinished(request, options);
  if (before) return before;
  const channel = new ProgressChannel(request.id);
  const release = await takeTurn(request.id, locks, channel, { signal, onWaiting }).catch((error: unknown) => {
    channel.close();
    throw error;
  });
  const end = () => {
    release();
    channel.close();
    request.files?.close();
  };
  try {
    // Another tab may have made it in the meantime.
    const finished = await openFinished(request, options);
    if (finished) {
      end();
      return finished;
    }
    const onProgress = (progress: PackageProgress) => {
      channel.tell(progress);
      options.onProgress(progress);
    };
    return await beginMaking(request, { ...options, onProgress }, end);
  } catch (error) {
    end();
    throw error;
  }
}

/** The stored package, if it is of the checkpoint's present version, or that cannot be found out. */
async function openFinished(request: ConversionRequest, options: ConversionOptions): Promise<ConvertedSource | null> {
  const { id, files } = request;
  const { store, signal, onProgress, onMessage } = options;
  const manifest = (await optional(store?.manifest(id))) ?? null;
  const origin = (await optional(store?.origin(id))) ?? null;
  if (!manifest || !origin) {
    if (files) return null;
    throw new BambaError('config_invalid', `${request.name} is not stored in this browser. Choose its files again.`);
  }
  const version = await presentVersion(files, signal);
  if (version !== null && version !== origin.version) return null;
  const open = async (): Promise<Making> => {
    if (!files) throw new BambaError('shard_corrupt', `The stored ${request.name} is damaged. Choose its files again.`);
    const checkpoint = await openCheckpoint(request, files, signal);
    if (checkpoint.identity === origin.identity) return checkpoint;
    await store?.delete(id);
    throw new BambaError(
      'checkpoint_changed',
      `The files of ${request.name} changed since they were stored. Load again.`,
    );
  };
  const stored = new Set((await optional(store?.blobSizes(id)))?.keys());
  const loader = new PackageMaker({
    id,
    identity: piecesOf(files, origin.identity),
    store,
    shards: manifest.shards,
    files: manifest.files,
    stored,
    open,
    making: null,
    totalBytes: manifest.stream.bytes,
    packageBytes: manifest.stream.bytes,
    onProgress,
    onMessage,
    signal,
  });
  return new ConvertedSource(manifest, signal, loader, () => files?.close(), null);
}

/** What pieces are kept under: none of files that can be read again at no cost. */
function piecesOf(files: CheckpointFiles | null, identity: string): string | null {
  return files?.local ? null : identity;
}

/** Null where it cannot be found out now: what is stored is used then, without waiting. */
async function presentVersion(files: CheckpointFiles | null, signal: AbortSignal | undefined): Promise<string | null> {
  try {
    const limit = AbortSignal.timeout(VERSION_TIMEOUT_MS);
    return (await files?.version(signal ? AbortSignal.any([signal, limit]) : limit, 1)) ?? null;
  } catch {
    if (signal?.aborted) throw aborted(signal);
    return null;
  }
}

/** How long a package that is stored waits for news of its checkpoint. */
const VERSION_TIMEOUT_MS = 5000;

/** Opens the checkpoint, keeps a record of what is begun, and brings its text files. `end` gives up the turn. */
async function beginMaking(
  request: ConversionRequest,
  options: ConversionOptions,
  end: () => void,
): Promise<ConvertedSource> {
  const { id } = request;
  const { store, onProgress, onMessage } = options;
  // Whoever gives up his turn makes nothing more.
  const turn = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, turn.signal]) : turn.signal;
  const files = request.files as CheckpointFiles;
  const checkpoint = await openCheckpoint(request, files, signal);
  const { facts, stream, identity, notice } = checkpoint;
  const before = await madeBefore(request, identity, stream, options);
  const stored = new Set((await optional(store?.blobSizes(id)))?.keys());
  const shards = before.shards.map((entry) => (entry && stored.has(entry.sha256) ? entry : null));
  await requireRoom(facts, shards, stream.bytes, id, store);
  const record = recordOf(request, checkpoint, shards, before.texts);
  await optional(store?.putConversion(record));
  const hashes = new StoredHashes(files, store, id, identity);
  await hashes.restore();
  const texts = await storeTexts(checkpoint, files, record, stored, store, signal).catch(async (error: unknown) => {
    if (isCorrupt(error)) await optional(store?.dropConversion(id));
    throw error;
  });
  if (notice !== null) onMessage(notice);
  let finished = false;
  const commit = async (made: BlobEntry[]) => {
    await store?.commit(id, packageManifest(facts, made, texts), record.origin);
    finished = true;
    end();
  };
  // Shards of an older commit were compared when they were made: their weights need not be read again.
  const takenOver = before.compared && shards.every((entry) => entry !== null);
  const verify = async () => {
    if (takenOver) return;
    const uncompared = (await files.check?.(signal)) ?? [];
    if (uncompared.length > 0) onMessage(notCompared(uncompared));
  };
  const loader = new PackageMaker({
    id,
    identity: piecesOf(files, identity),
    store,
    shards,
    files: texts,
    stored,
    open: async () => checkpoint,
    making: { record, stream, commit, verify, keepHashes: () => hashes.keep() },
    totalBytes: stream.sourceBytes,
    packageBytes: stream.bytes,
    onProgress,
    onMessage,
    signal,
  });
  const close = () => {
    if (!finished) turn.abort();
    end();
  };
  const description = descriptionOf(request, checkpoint, texts);
  return new ConvertedSource(description, signal, loader, close, facts.specs);
}

/** What is kept of a package while it is being made. */
function recordOf(
  { id, name, scheme, from, files }: ConversionRequest,
  { stream, version, identity }: OpenCheckpoint,
  shards: StoredConversion['shards'],
  texts: StoredConversion['texts'],
): StoredConversion {
  const commit = files?.commit;
  return {
    id,
    name,
    scheme,
    ...(commit !== undefined && { commit }),
    origin: { ...from, version, identity },
    totalBytes: stream.bytes,
    shards,
    texts: { ...texts },
    savedAt: Date.now(),
  };
}

/** What is known of a package before its shards are made. */
function descriptionOf(
  { name, scheme }: ConversionRequest,
  { facts, stream }: OpenCheckpoint,
  files: Manifest['files'],
): PackageDescription {
  const count = Math.ceil(stream.bytes / SHARD_BYTES);
  return {
    name,
    source: facts.source ?? {},
    scheme,
    architecture: facts.architecture,
    ...(facts.stopIds && { stopIds: [...facts.stopIds] }),
    parameters: facts.specs.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    stream: { bytes: stream.bytes },
    tensors: planTensors(facts.specs, scheme),
    shards: Array.from({ length: count }, (_, index) => ({ bytes: shardBytes(stream.bytes, index) })),
    files,
  };
}

/** What an earlier visit made, or an older commit with the same weights has. What was begun of other weights is dropped. */
async function madeBefore(
  { id, name }: ConversionRequest,
  identity: string,
  { bytes }: PackageStream,
  { store, onMessage }: ConversionOptions,
): Promise<Pick<StoredConversion, 'shards' | 'texts'> & { compared: boolean }> {
  const count = Math.ceil(bytes / SHARD_BYTES);
  const begun = (await optional(store?.conversion(id))) ?? null;
  if (begun?.origin.identity === identity && begun.shards.length === count) return { ...begun, compared: false };
  if (begun) {
    onMessage(`The files of ${name} changed since the last visit: it is downloaded anew.`);
    await optional(store?.dropConversion(id));
  }
  const finished = (await optional(store?.manifest(id))) ?? null;
  const origin = (await optional(store?.origin(id))) ?? null;
  if (finished && origin?.identity === identity) return { shards: finished.shards, compared: true };
  if (finished && !begun) onMessage(`There is a new version of ${name}: it is downloaded.`);
  return { shards: Array.from({ length: count }, () => null), compared: false };
}

/** @throws BambaError `storage_full` with the types that would fit. */
async function requireRoom(
  { specs, scheme }: PackageFacts,
  shards: readonly (BlobEntry | null)[],
  bytes: number,
  id: string,
  store: PackageStore | null,
): Promise<void> {
  if (!store) return;
  await askToPersist();
  // Pieces take room until their shard takes it.
  const missing = shards.reduce((sum, entry, index) => sum + (entry ? 0 : shardBytes(bytes, index)), 0);
  const needed = missing - ((await optional(store.pieceBytes(id))) ?? 0);
  const { quota, usage } = (await storageEstimate()) ?? {};
  if (quota === undefined || usage === undefined || needed <= quota - usage) return;
  const error = await storageFull(needed);
  const fitting = smallerSchemes(specs, scheme).find((other) => other.bytes <= quota - usage);
  throw fitting ? new BambaError(error.code, `${error.message} ${suggestion(fitting)}`) : error;
}

/**
 * Brings the text files. They are small, and missing none of them is what makes a package that works offline.
 * @param record takes note of them
 * @param stored by hash; those that come are added
 */
async function storeTexts(
  checkpoint: Making,
  files: CheckpointFiles,
  record: StoredConversion,
  stored: Set<string>,
  store: PackageStore | null,
  signal: AbortSignal | undefined,
): Promise<Manifest['files']> {
  const use: UseStore = (operation) => optional(store ? operation(store) : undefined);
  const texts = (record.texts ??= {});
  const entries: Manifest['files'] = {};
  for (const file of PACKAGE_FILES) {
    const identity = await files.identity(file, signal);
    const known = texts[file];
    if (known?.identity === identity && stored.has(known.entry.sha256)) {
      entries[file] = known.entry;
      continue;
    }
    delete texts[file];
    if (identity === null) continue;
    const of = `${file} ${identity}`;
    const pieces = piecesOf(files, identity) === null ? undefined : new StoredPieces(use, record.id, of);
    const found = await checkpoint.readFile(file, pieces);
    if (!found) continue;
    const bytes = new Uint8Array(found);
    // Some of it may be from an earlier visit.
    files.note?.(file, 0, bytes);
    const entry = { file, bytes: bytes.length, sha256: await sha256Hex(bytes) };
    texts[file] = { identity, entry };
    const own = { of, begin: 0, end: bytes.length };
    await use((to) => to.putBlob(record.id, entry.sha256, bytes, { conversion: record, pieces: own }));
    stored.add(entry.sha256);
    entries[file] = entry;
  }
  return entries;
}

function notCompared(files: readonly string[]): string {
  const [first, ...others] = files;
  const named = others.length > 0 ? `${first} and ${others.length} other files` : first;
  return `${named} could not be compared with the SHA-256 that the server declares: it was not read from begin to end.`;
}

/** Null where the browser's database turns out to be of no use. */
async function optional<T>(operation: Promise<T> | undefined): Promise<T | null> {
  try {
    return (await operation) ?? null;
  } catch (error) {
    if (error instanceof BambaError && error.code === 'storage_unavailable') return null;
    throw error;
  }
}

/** A package that was opened by `openConverted`. */
export class ConvertedSource extends OrderedPackage<PackageDescription> {
  /** Ends the turn of this tab, and what is still open. To be called when loading has ended, however it did. */
  readonly close: () => void;
  readonly smaller?: () => SmallerScheme[];

  constructor(
    description: PackageDescription,
    signal: AbortSignal | undefined,
    loader: PackageMaker,
    close: () => void,
    specs: readonly TensorSpec[] | null,
  ) {
    super(description, signal, loader);
    this.close = close;
    if (specs) this.smaller = () => smallerSchemes(specs, description.scheme);
  }
}
