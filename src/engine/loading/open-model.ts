import { BambaError } from '../../errors.ts';
import { openConverted } from '../../storage/packages/convert.ts';
import type { DiskFiles } from '../../storage/remote/disk-files.ts';
import type { Fetch } from '../../storage/remote/fetch.ts';
import type { HttpSourceOptions } from '../../storage/remote/http-source.ts';
import { browserLocks, type Locks } from '../../storage/store/locks.ts';
import type { ConversionRequest } from '../../storage/packages/open-checkpoint.ts';
import {
  defaultStore,
  openPackageBytes,
  openStoredPackage,
  type PackageSource,
} from '../../storage/packages/package-source.ts';
import { goesOnWithout } from '../../storage/store/storage-faults.ts';
import type { PackageStore } from '../../storage/store/store.ts';
import { readExactly } from '../../weights/byte-source.ts';
import type { Manifest } from '../../weights/manifest.ts';
import {
  checkModel,
  findModel,
  type Handling,
  type Http,
  isOnlyStored,
  type ModelSource,
  requireDtype,
} from './find-model.ts';
import type { StageReport } from './overall-progress.ts';

// Opens the model that the options of `createEngine` name. The result is always a package.

export type { ModelSource } from './find-model.ts';

export interface OpenModelOptions {
  signal?: AbortSignal;
  onProgress: (progress: StageReport) => void;
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

/**
 * Opens the package that `model` names, or the one that its checkpoint becomes.
 * @throws BambaError `setting_invalid` for options that do not go together; see `openStoredPackage`, `openConverted`.
 */
export async function openModel(model: ModelSource, options: OpenModelOptions): Promise<OpenModel> {
  checkModel(model);
  const unavailable = (error: BambaError) => {
    if (isOnlyStored(model)) throw error;
    options.onProgress({ stage: 'manifest', message: goesOnWithout(error) });
  };
  const { store = await defaultStore(options.signal, unavailable) } = options;
  const opener = new Opener(model, { ...options, store });
  return findModel(model, opener, opener.http, options.signal);
}

class Opener implements Handling<OpenModel> {
  readonly #model: ModelSource;
  readonly #options: OpenModelOptions & { store: PackageStore | null };
  #last: StageReport = { stage: 'manifest' };

  constructor(model: ModelSource, options: OpenModelOptions & { store: PackageStore | null }) {
    this.#model = model;
    this.#options = options;
  }

  async onDisk(manifest: Manifest, files: DiskFiles): Promise<OpenModel> {
    const source = openPackageBytes(manifest, async (file) => {
      const bytes = await files.size(file);
      if (bytes === null) throw new BambaError('shard_corrupt', `The folder has no ${file}. Choose all files of it.`);
      return new Uint8Array(await readExactly(files, file, 0, bytes));
    });
    return { source: this.#requireDtype(source), close: () => files.close() };
  }

  async atUrl(url: string): Promise<OpenModel> {
    const { signal, store, locks } = this.#options;
    const source = await openStoredPackage(url, {
      store,
      ...(signal && { signal }),
      ...(locks !== undefined && { locks }),
      ...this.http,
      onProgress: (progress) => this.#report({ stage: 'weights', ...progress }),
    });
    return { source: this.#requireDtype(source), close: () => {} };
  }

  async checkpoint(request: ConversionRequest): Promise<OpenModel> {
    const { signal, store, locks = browserLocks() } = this.#options;
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
    requireDtype(this.#model, source.manifest);
    return source;
  }

  get http(): Http {
    const { fetch, clock } = this.#options;
    return { ...(fetch && { fetch }), ...(clock && { clock }), onWait: (message) => this.#say(message) };
  }

  #report(progress: StageReport): void {
    this.#last = progress;
    this.#options.onProgress(progress);
  }

  /** A sentence beside what was reported last. */
  #say(message: string): void {
    this.#options.onProgress({ ...this.#last, message });
  }
}
