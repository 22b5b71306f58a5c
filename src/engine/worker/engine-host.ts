import { expose } from 'comlink';
import { BambaError } from '../../errors.ts';
import { browserLocks, type Locks } from '../../storage/store/locks.ts';
import { type Hearer, type Host, hostApi } from './host-api.ts';
import type { LocalEngine } from '../local-engine.ts';
import { OverallProgress, type StageReport } from '../loading/overall-progress.ts';
import type { EngineInfo, EngineStatus, LoadProgress } from '../protocol.ts';
import type { OpenChannel } from '../tabs/frames.ts';
import { tabChannel, tabLife } from '../tabs/names.ts';
import { ServedTab } from '../tabs/served-tab.ts';
import { type LoadOptions, toWire, type WireResult, type WorkerApi } from './wire.ts';

/** How a model is loaded. */
export interface HostLoading {
  signal: AbortSignal;
  report: (stage: StageReport) => void;
  /** Whether the model has been loaded before: it is loaded again then, after a loss. */
  isLoaded: () => boolean;
}

/** Loads a model. @throws BambaError as `LocalEngine.load` */
export type LoadEngine = (options: LoadOptions, loading: HostLoading) => Promise<LocalEngine>;

/** The parts of the browser with which tabs are served. */
export interface HostEnvironment {
  locks: Locks | null;
  openChannel: OpenChannel;
}

const BROWSER: HostEnvironment = {
  locks: browserLocks(),
  openChannel: (name) => new BroadcastChannel(name),
};
const UNKNOWN = { loaded: 0, total: 0, source: 'storage', bytesPerSecond: 0, secondsLeft: Infinity } as const;
const READY: LoadProgress = { ...UNKNOWN, stage: 'ready', loaded: 1, total: 1, secondsLeft: 0, progress: 1 };

/** The one engine of a worker, for the page that started it and for other tabs. It is loaded once, whoever asks for it. */
export class EngineHost implements Host {
  readonly locks: Locks | null;
  readonly #load: LoadEngine;
  readonly #openChannel: OpenChannel;
  readonly #ending = new AbortController();
  readonly #hearers = new Set<Hearer>();
  readonly #tabs = new Set<ServedTab>();
  #overall = new OverallProgress();
  /** The latest progress of a load that goes on. */
  #latest: LoadProgress | null = null;
  /** The status of an engine that lost the GPU; reports of its load are part of that. */
  #recovering: EngineStatus | null = null;
  #loading: Promise<WireResult<EngineInfo>> | null = null;
  #engine: LocalEngine | null = null;

  constructor(load: LoadEngine, { locks, openChannel } = BROWSER) {
    this.#load = load;
    this.locks = locks;
    this.#openChannel = openChannel;
  }

  /** The calls of the page that started the worker. */
  get api(): WorkerApi {
    return {
      ...hostApi(this),
      serve: (id) => this.#serve(id),
      abortLoading: () => this.#end(),
      dispose: () => this.#end(),
    };
  }

  get engine(): LocalEngine {
    if (!this.#engine) throw new BambaError('disposed', 'No model is loaded.');
    return this.#engine;
  }

  async load(options: LoadOptions, hearer: Hearer, gone?: AbortSignal): Promise<WireResult<EngineInfo>> {
    this.#hearers.add(hearer);
    gone?.addEventListener('abort', () => this.#hearers.delete(hearer));
    if (this.#latest) void hearer.onProgress(this.#latest);
    const loaded = await (this.#loading ??= this.#begin(options));
    if ('error' in loaded) return loaded;
    // Progress and result cross on ports of their own: without waiting, the result could overtake what led to it.
    await hearer.onProgress(READY);
    return { value: this.#engine?.info ?? loaded.value };
  }

  async #begin(options: LoadOptions): Promise<WireResult<EngineInfo>> {
    const loading: HostLoading = {
      signal: this.#ending.signal,
      report: (stage) => this.#report(stage),
      isLoaded: () => this.#engine !== null,
    };
    try {
      this.#report({ stage: 'manifest' });
      const engine = await this.#load(options, loading).catch((error: unknown) => {
        if (!(error instanceof BambaError && error.code === 'checkpoint_changed') || options.files) throw error;
        this.#report({ stage: 'manifest', message: 'The files of the model changed: loading them anew.' });
        return this.#load(options, loading);
      });
      engine.onStatus((status) => {
        this.#recovering = status.status === 'recovering' ? status : null;
        if (this.#recovering) this.#overall = new OverallProgress();
        for (const { onStatus } of this.#hearers) void onStatus(status, engine.info);
      });
      this.#engine = engine;
      return { value: engine.info };
    } catch (error) {
      return { error: toWire(error) };
    } finally {
      this.#latest = null;
    }
  }

  #report(stage: StageReport): void {
    const known = { ...UNKNOWN, ...stage };
    const progress = this.#overall.after(known);
    const { info } = this.#engine ?? {};
    if (info && this.#recovering) {
      for (const { onStatus } of this.#hearers) void onStatus({ ...this.#recovering, progress }, info);
      return;
    }
    this.#latest = { ...known, progress };
    for (const { onProgress } of this.#hearers) void onProgress(this.#latest);
  }

  /** Serves another tab for as long as that lives. @returns false where nothing tells how long that is */
  async #serve(id: string): Promise<boolean> {
    const { locks } = this;
    if (!locks || this.#ending.signal.aborted) return false;
    const tab = new ServedTab(this.#openChannel(tabChannel(id)));
    const { signal } = tab;
    this.#tabs.add(tab);
    signal.addEventListener('abort', () => this.#tabs.delete(tab));
    // The browser frees a tab's locks when the tab is gone, for whatever reason.
    locks.request(tabLife(id), { signal }, async () => tab.end()).catch(() => tab.end());
    expose(hostApi(this, tab), tab);
    return true;
  }

  #end(): void {
    // Before anything fails that they wait for: they go on with it elsewhere.
    for (const tab of this.#tabs) tab.end();
    this.#ending.abort();
    this.#engine?.dispose();
    this.#engine = null;
  }
}
