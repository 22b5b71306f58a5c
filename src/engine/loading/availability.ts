import { BambaError, type ErrorCode } from '../../errors.ts';
import { adapterLimits, type GpuLimits } from '../../gpu/device.ts';
import { checkPackageTensors, parseArchitecture } from '../../architecture/config.ts';
import { checkArchitecture } from '../../model/dims.ts';
import { placeTensors } from '../../model/placed-weights.ts';
import { systemClock } from '../../storage/store/clock.ts';
import type { DiskFiles } from '../../storage/remote/disk-files.ts';
import { fetchManifest, packageUrl } from '../../storage/remote/manifest-source.ts';
import { type ConversionRequest, openCheckpoint } from '../../storage/packages/open-checkpoint.ts';
import { listPackages, type StoredPackage } from '../../storage/packages/package-list.ts';
import { defaultStore, type PackageDescription } from '../../storage/packages/package-source.ts';
import type { PackageStore } from '../../storage/store/store.ts';
import type { Manifest } from '../../weights/manifest.ts';
import { planTensors } from '../../weights/package-writer.ts';
import { checkModel, findModel, type Handling, type Http, type ModelSource, requireDtype } from './find-model.ts';
import type { Availability } from '../protocol.ts';

/** Faults that no download mends. */
const RULED_OUT: ReadonlySet<ErrorCode> = new Set([
  'webgpu_unavailable',
  'adapter_limit',
  'unsupported_model',
  'manifest_version',
]);

export interface AvailabilityOptions {
  signal?: AbortSignal;
  /** Default: the browser's. */
  gpu?: GPU;
  http?: Omit<Http, 'onWait'>;
}

/**
 * Whether a model can be loaded here, by its description alone: no weights are downloaded, nothing is stored, and the
 * GPU only tells its limits.
 * @throws BambaError as `openModel`: what is wrong with an address or a network says nothing of the model.
 */
export async function modelAvailability(
  model: ModelSource,
  { signal, gpu, http = {} }: AvailabilityOptions = {},
): Promise<Availability> {
  checkModel(model);
  const store = await defaultStore(signal, () => {});
  try {
    const handling = new Look(model, await adapterLimits(gpu), store, { ...http, onWait: () => {} }, signal);
    return await findModel(model, handling, handling.http, signal);
  } catch (error) {
    if (!(error instanceof BambaError && RULED_OUT.has(error.code))) throw error;
    return { status: 'unavailable', reason: { code: error.code, message: error.message } };
  } finally {
    store?.database.close();
  }
}

class Look implements Handling<Availability> {
  readonly http: Http;
  readonly #model: ModelSource;
  readonly #limits: GpuLimits;
  readonly #store: PackageStore | null;
  readonly #signal: AbortSignal | undefined;

  constructor(
    model: ModelSource,
    limits: GpuLimits,
    store: PackageStore | null,
    http: Http,
    signal: AbortSignal | undefined,
  ) {
    this.#model = model;
    this.#limits = limits;
    this.#store = store;
    this.http = http;
    this.#signal = signal;
  }

  async atUrl(url: string): Promise<Availability> {
    const base = packageUrl(url);
    const stored = await this.#stored(base.href);
    if (stored) requireDtype(this.#model, stored);
    if (stored?.complete) return this.#kept(base.href, stored);
    const manifest = await fetchManifest(base, null, {
      fetch: this.http.fetch ?? ((...request) => globalThis.fetch(...request)),
      clock: this.http.clock ?? systemClock,
      onWait: this.http.onWait ?? (() => {}),
      signal: this.#signal,
      timeoutMs: 0,
    });
    requireDtype(this.#model, manifest);
    this.#require(manifest);
    const files = Object.values(manifest.files).filter((entry) => entry !== undefined);
    const total = [...files, ...manifest.shards].reduce((sum, { bytes }) => sum + bytes, 0);
    return { status: 'downloadable', bytes: Math.max(0, total - (stored?.storedBytes ?? 0)) };
  }

  async onDisk(manifest: Manifest, files: DiskFiles): Promise<Availability> {
    files.close();
    requireDtype(this.#model, manifest);
    this.#require(manifest);
    return { status: 'available', bytes: manifest.stream.bytes };
  }

  async checkpoint(request: ConversionRequest): Promise<Availability> {
    const { id, name, scheme, files } = request;
    try {
      const stored = await this.#stored(id);
      if (stored?.complete) return await this.#kept(id, stored);
      if (!files) {
        const message = `${name} is not stored in this browser. Choose its files again.`;
        return { status: 'unavailable', reason: { code: 'config_invalid', message } };
      }
      const { facts, stream } = await openCheckpoint(request, files, this.#signal);
      this.#require({ architecture: facts.architecture, tensors: planTensors(facts.specs, scheme) });
      if (files.local) return { status: 'available', bytes: stream.bytes };
      const made = stored && stored.totalBytes > 0 ? Math.min(1, stored.storedBytes / stored.totalBytes) : 0;
      return { status: 'downloadable', bytes: Math.round(stream.sourceBytes * (1 - made)) };
    } finally {
      files?.close();
    }
  }

  async #stored(id: string): Promise<StoredPackage | undefined> {
    return this.#store ? (await listPackages(this.#store.database)).find(({ url }) => url === id) : undefined;
  }

  async #kept(id: string, { totalBytes }: StoredPackage): Promise<Availability> {
    const manifest = await this.#store!.manifest(id);
    if (manifest) this.#require(manifest);
    return { status: 'available', bytes: totalBytes };
  }

  /** @throws BambaError `unsupported_model`, `manifest_invalid`, `adapter_limit`. */
  #require({ architecture: described, tensors }: Pick<PackageDescription, 'architecture' | 'tensors'>): void {
    const architecture = parseArchitecture(described);
    checkArchitecture(architecture);
    checkPackageTensors(architecture, tensors);
    placeTensors(tensors, this.#limits);
  }
}
