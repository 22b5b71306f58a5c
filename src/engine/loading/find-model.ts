import { BambaError } from '../../errors.ts';
import type { CheckpointFiles } from '../../storage/remote/checkpoint-files.ts';
import type { StoredOrigin } from '../../storage/store/database.ts';
import { DiskFiles } from '../../storage/remote/disk-files.ts';
import { GgufFiles, isGguf, LazyFiles, onlyGguf } from '../../storage/remote/gguf-files.ts';
import { HttpSource, type HttpSourceOptions } from '../../storage/remote/http-source.ts';
import { HubFiles, repoFolder } from '../../storage/remote/hub.ts';
import { packageUrl } from '../../storage/remote/manifest-source.ts';
import type { ConversionRequest } from '../../storage/packages/open-checkpoint.ts';
import { HUB, isRepoName } from '../../storage/remote/repo-name.ts';
import { type Manifest, MANIFEST_FILE, MAX_MANIFEST_BYTES, parseManifest, SCHEMES } from '../../weights/manifest.ts';
import type { EngineOptions } from '../protocol.ts';

// Finds the model that the options of `createEngine` name: a package or a checkpoint, on a server, on the disk, or kept
// here.

/** The options of `createEngine` that name a model, with absolute URLs. */
export type ModelSource = Pick<EngineOptions, 'model' | 'revision' | 'dtype' | 'token' | 'endpoint' | 'files'>;

/** How servers are asked. */
export type Http = Pick<HttpSourceOptions, 'fetch' | 'clock' | 'onWait'>;

/** The handling of each kind of model that was found. */
export interface Handling<Result> {
  /** A folder on a server that may have a package. @throws BambaError `network`, `manifest_invalid` where it has none. */
  atUrl(url: string): Promise<Result>;
  /** A package on the disk. */
  onDisk(manifest: Manifest, files: DiskFiles): Promise<Result>;
  /** A checkpoint; its files are null where only what is stored of it counts. They are closed by whoever takes them. */
  checkpoint(request: ConversionRequest): Promise<Result>;
}

const DEVICE = 'device:';
const DEFAULT_DTYPE = 'int8';
const DEFAULT_REVISION = 'main';

/** Whether a model is one that only this browser has. */
export function isOnlyStored({ model, files }: ModelSource): boolean {
  return !files && model.startsWith(DEVICE);
}

/** @throws BambaError `setting_invalid` for options that can be known to be wrong before anything is opened. */
export function checkModel({ dtype, revision }: ModelSource): void {
  if (dtype !== undefined && !SCHEMES.includes(dtype)) {
    throw new BambaError('setting_invalid', `dtype is ${JSON.stringify(dtype)}; it can be ${SCHEMES.join(', ')}.`);
  }
  if (revision === '') throw new BambaError('setting_invalid', 'revision is empty; leave it out for the newest.');
}

/** @throws BambaError `setting_invalid` where a package is not of the type that was asked for. */
export function requireDtype({ dtype }: ModelSource, { name, scheme }: Pick<Manifest, 'name' | 'scheme'>): void {
  if (dtype === undefined || dtype === scheme) return;
  throw new BambaError(
    'setting_invalid',
    `${name} is a package of ${scheme}, not of ${dtype}: leave dtype out, or name the checkpoint it was made from.`,
  );
}

/** Does with a model what is to be done with what it is. @throws BambaError as that does. */
export async function findModel<Result>(
  model: ModelSource,
  handling: Handling<Result>,
  http: Http,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const finder = new Finder(model, handling, http, signal);
  if (model.files) return finder.fromDisk(new DiskFiles(model.files), model.model);
  if (isOnlyStored(model)) return finder.fromDisk(null, model.model.slice(DEVICE.length));
  return isRepoName(model.model) ? finder.fromHub() : finder.fromUrl();
}

class Finder<Result> {
  readonly #model: ModelSource;
  readonly #handling: Handling<Result>;
  readonly #http: Http;
  readonly #signal: AbortSignal | undefined;

  constructor(model: ModelSource, handling: Handling<Result>, http: Http, signal: AbortSignal | undefined) {
    this.#model = model;
    this.#handling = handling;
    this.#http = http;
    this.#signal = signal;
  }

  async fromHub(): Promise<Result> {
    const { model, revision = DEFAULT_REVISION, endpoint = HUB, token } = this.#model;
    const repo = { repo: model, revision, endpoint };
    const hub = new HubFiles(repo, { ...this.#http, ...(token !== undefined && { token }) });
    const files = new LazyFiles(hub, (list) =>
      onlyGguf(list, model, `Give the address of one: ${repoFolder(repo)}FILE.gguf`),
    );
    const from = {
      model,
      ...(revision !== DEFAULT_REVISION && { revision }),
      ...(endpoint !== HUB && { endpoint }),
    };
    const name = model.slice(model.indexOf('/') + 1);
    return this.#checkpoint(files, { address: repoFolder(repo), name, from, repo: model });
  }

  /** A package on disk is not copied into the browser's storage; a checkpoint becomes a package there. */
  async fromDisk(files: DiskFiles | null, name: string): Promise<Result> {
    const size = (await files?.size(MANIFEST_FILE)) ?? null;
    if (files && size !== null) {
      if (size > MAX_MANIFEST_BYTES) throw new BambaError('manifest_invalid', `${MANIFEST_FILE} is too long for one.`);
      return this.#handling.onDisk(parseManifest(await files.read(MANIFEST_FILE, 0, size)), files);
    }
    const gguf = onlyGguf((await files?.list()) ?? [], name, 'Choose one of them as a file.');
    const found = files && gguf !== null ? new GgufFiles(files, gguf) : files;
    return this.#checkpoint(found, { address: `${DEVICE}${name}`, name, from: { model: `${DEVICE}${name}` } });
  }

  /** A folder with a manifest is a package; one without may be a checkpoint. */
  async fromUrl(): Promise<Result> {
    const { model } = this.#model;
    const gguf = ggufAddress(model);
    if (gguf) return this.#fromGguf(gguf);
    try {
      return await this.#handling.atUrl(model);
    } catch (error) {
      const other = error instanceof BambaError && ['network', 'manifest_invalid'].includes(error.code);
      if (!other) throw error;
      const url = packageUrl(model);
      const files = new HttpSource((file) => new URL(file, url), this.#http);
      const name = decodeURIComponent(url.pathname.split('/').at(-2) ?? '') || url.host;
      try {
        return await this.#checkpoint(files, { address: url.href, name, from: { model: url.href } });
      } catch (second) {
        // Where there is no checkpoint either, the fault of the package explains more.
        const invalid = second instanceof BambaError && second.code === 'config_invalid';
        const isNone = invalid && (await files.size('config.json', this.#signal).catch(() => 0)) === null;
        throw isNone ? error : second;
      }
    }
  }

  #fromGguf(url: URL): Promise<Result> {
    const file = decodeURIComponent(url.pathname.split('/').at(-1) as string);
    const files = new HttpSource(() => url, this.#http);
    const name = file.slice(0, -'.gguf'.length);
    return this.#checkpoint(new GgufFiles(files, file), { address: url.href, name, from: { model: url.href } });
  }

  #checkpoint(
    files: CheckpointFiles | null,
    made: { address: string; name: string; from: Pick<StoredOrigin, 'model' | 'revision' | 'endpoint'>; repo?: string },
  ): Promise<Result> {
    const scheme = this.#model.dtype ?? DEFAULT_DTYPE;
    return this.#handling.checkpoint({
      id: `${made.address}#${scheme}`,
      name: made.name,
      scheme,
      files,
      from: made.from,
      ...(made.repo !== undefined && { repo: made.repo }),
    });
  }
}

/** The address of a GGUF file; null for another address, and for what is none. */
function ggufAddress(model: string): URL | null {
  const page = typeof location === 'undefined' ? undefined : location.href;
  const url = URL.canParse(model, page) ? new URL(model, page) : null;
  return url && isGguf(url.pathname) ? url : null;
}
