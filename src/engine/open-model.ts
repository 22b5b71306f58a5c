import { BambaError } from '../errors.ts';
import { parseConfig } from '../model/config.ts';
import type { CheckpointFiles } from '../storage/checkpoint-files.ts';
import { openConverted } from '../storage/convert.ts';
import { DiskFiles } from '../storage/disk-files.ts';
import type { Fetch } from '../storage/fetch.ts';
import { HttpSource, type HttpSourceOptions } from '../storage/http-source.ts';
import { HubFiles, repoFolder } from '../storage/hub.ts';
import { browserLocks, type Locks } from '../storage/locks.ts';
import { packageUrl } from '../storage/manifest-source.ts';
import type { ConversionRequest } from '../storage/open-checkpoint.ts';
import { defaultStore, openPackageBytes, openStoredPackage, type PackageSource } from '../storage/package-source.ts';
import { HUB, isRepoName } from '../storage/repo-name.ts';
import type { StoredOrigin } from '../storage/database.ts';
import { goesOnWithout } from '../storage/storage-faults.ts';
import type { PackageStore } from '../storage/store.ts';
import { readExactly } from '../weights/byte-source.ts';
import { MANIFEST_FILE, MAX_MANIFEST_BYTES, parseManifest, SCHEMES } from '../weights/manifest.ts';
import type { EngineOptions, LoadProgress } from './protocol.ts';

// Where a model comes from, by what `createEngine` is given. Whatever it is, a package comes out.

/** What names a model: these options of `createEngine`, URLs absolute. */
export type ModelSource = Pick<EngineOptions, 'model' | 'revision' | 'dtype' | 'token' | 'endpoint' | 'files'>;

export interface OpenModelOptions {
  signal?: AbortSignal;
  onProgress: (progress: Partial<LoadProgress> & Pick<LoadProgress, 'stage'>) => void;
  /** Default: the browser's. */
  store?: PackageStore | null;
  locks?: Locks | null;
  fetch?: Fetch;
  clock?: NonNullable<HttpSourceOptions['clock']>;
}

/** A package, and what ends it: to be called when loading has ended, however it did. */
export interface OpenModel {
  source: PackageSource;
  close: () => void;
}

const DEVICE = 'device:';
const DEFAULT_DTYPE = 'int8';
const DEFAULT_REVISION = 'main';

/**
 * Opens the package that `model` names, or the one that its checkpoint becomes.
 * @throws BambaError `setting_invalid` for options that do not go together; see `openStoredPackage`, `openConverted`.
 */
export async function openModel(model: ModelSource, options: OpenModelOptions): Promise<OpenModel> {
  const { dtype, revision } = model;
  if (dtype !== undefined && !SCHEMES.includes(dtype)) {
    throw new BambaError('setting_invalid', `dtype is ${JSON.stringify(dtype)}; it can be ${SCHEMES.join(', ')}.`);
  }
  if (revision === '') throw new BambaError('setting_invalid', 'revision is empty; leave it out for the newest.');
  const onlyStored = !model.files && model.model.startsWith(DEVICE);
  const unavailable = (error: BambaError) => {
    if (onlyStored) throw error;
    options.onProgress({ stage: 'manifest', message: goesOnWithout(error) });
  };
  const { store = await defaultStore(options.signal, unavailable) } = options;
  const opener = new Opener(model, { ...options, store });
  if (model.files) return opener.fromDisk(new DiskFiles(model.files), model.model);
  if (onlyStored) return opener.fromDisk(null, model.model.slice(DEVICE.length));
  return isRepoName(model.model) ? opener.fromHub() : opener.fromUrl();
}

class Opener {
  readonly #model: ModelSource;
  readonly #options: OpenModelOptions & { store: PackageStore | null };
  #last: Partial<LoadProgress> & Pick<LoadProgress, 'stage'> = { stage: 'manifest' };

  constructor(model: ModelSource, options: OpenModelOptions & { store: PackageStore | null }) {
    this.#model = model;
    this.#options = options;
  }

  async fromHub(): Promise<OpenModel> {
    const { model, revision = DEFAULT_REVISION, endpoint = HUB, token } = this.#model;
    const repo = { repo: model, revision, endpoint };
    const files = new HubFiles(repo, { ...this.#http(), ...(token !== undefined && { token }) });
    const from = {
      model,
      ...(revision !== DEFAULT_REVISION && { revision }),
      ...(endpoint !== HUB && { endpoint }),
    };
    const name = model.slice(model.indexOf('/') + 1);
    return this.#convert(files, { address: repoFolder(repo), name, from, repo: model });
  }

  /** A package on disk is not copied into the browser's storage; a checkpoint becomes a package there. */
  async fromDisk(files: DiskFiles | null, name: string): Promise<OpenModel> {
    const size = (await files?.size(MANIFEST_FILE)) ?? null;
    if (files && size !== null) {
      if (size > MAX_MANIFEST_BYTES) throw new BambaError('manifest_invalid', `${MANIFEST_FILE} is too long for one.`);
      const manifest = parseManifest(await files.read(MANIFEST_FILE, 0, size));
      const source = openPackageBytes(manifest, async (file) => {
        const bytes = await files.size(file);
        if (bytes === null) throw new BambaError('shard_corrupt', `The folder has no ${file}. Choose all files of it.`);
        return new Uint8Array(await readExactly(files, file, 0, bytes));
      });
      return { source: this.#requireDtype(source), close: () => files.close() };
    }
    return this.#convert(files, { address: `${DEVICE}${name}`, name, from: { model: `${DEVICE}${name}` } });
  }

  /** A folder with a manifest is a package; one without may be a checkpoint. */
  async fromUrl(): Promise<OpenModel> {
    const { model } = this.#model;
    const { signal, store, locks } = this.#options;
    try {
      const source = await openStoredPackage(model, {
        store,
        ...(signal && { signal }),
        ...(locks !== undefined && { locks }),
        ...this.#http(),
        onProgress: (progress) => this.#report({ stage: 'weights', ...progress }),
      });
      return { source: this.#requireDtype(source), close: () => {} };
    } catch (error) {
      const other = error instanceof BambaError && ['network', 'manifest_invalid'].includes(error.code);
      if (!other) throw error;
      const url = packageUrl(model);
      const files = new HttpSource((file) => new URL(file, url), this.#http());
      const name = decodeURIComponent(url.pathname.split('/').at(-2) ?? '') || url.host;
      try {
        return await this.#convert(files, { address: url.href, name, from: { model: url.href } });
      } catch (second) {
        // Where there is no checkpoint either, what was wrong with the package is the better explanation.
        const invalid = second instanceof BambaError && second.code === 'config_invalid';
        const isNone = invalid && (await files.size('config.json', signal).catch(() => 0)) === null;
        throw isNone ? error : second;
      }
    }
  }

  async #convert(
    files: CheckpointFiles | null,
    made: { address: string; name: string; from: Pick<StoredOrigin, 'model' | 'revision' | 'endpoint'>; repo?: string },
  ): Promise<OpenModel> {
    const { signal, store, locks = browserLocks() } = this.#options;
    const scheme = this.#model.dtype ?? DEFAULT_DTYPE;
    const request: ConversionRequest = {
      id: `${made.address}#${scheme}`,
      name: made.name,
      scheme,
      files,
      from: made.from,
      ...(made.repo !== undefined && { repo: made.repo }),
      parse: parseConfig,
    };
    const source = await openConverted(request, {
      store,
      locks,
      signal,
      onProgress: (progress) => this.#report({ stage: 'weights', ...progress }),
      onWaiting: (progress) => this.#report({ stage: 'waiting', ...progress }),
      onMessage: (message) => this.#say(message),
    });
    return { source, close: () => source.close() };
  }

  #requireDtype(source: PackageSource): PackageSource {
    const { dtype } = this.#model;
    const { scheme, name } = source.manifest;
    if (dtype === undefined || dtype === scheme) return source;
    throw new BambaError(
      'setting_invalid',
      `${name} is a package of ${scheme}, not of ${dtype}: leave dtype out, or name the checkpoint it was made from.`,
    );
  }

  #http(): Pick<HttpSourceOptions, 'fetch' | 'clock' | 'onWait'> {
    const { fetch, clock } = this.#options;
    return { ...(fetch && { fetch }), ...(clock && { clock }), onWait: (message) => this.#say(message) };
  }

  #report(progress: Partial<LoadProgress> & Pick<LoadProgress, 'stage'>): void {
    this.#last = progress;
    this.#options.onProgress(progress);
  }

  /** A sentence beside what was reported last. */
  #say(message: string): void {
    this.#options.onProgress({ ...this.#last, message });
  }
}
