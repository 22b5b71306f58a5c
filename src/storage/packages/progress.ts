/** How far a package is. */
export interface PackageProgress {
  /** Bytes of shards that are here. */
  loaded: number;
  /** Bytes of all shards. */
  total: number;
  source: 'network' | 'storage';
  /** Over the last seconds; 0 while unknown. */
  bytesPerSecond: number;
  /** Infinity while unknown. */
  secondsLeft: number;
}

/** Speed is measured over this time. */
const WINDOW_MS = 5000;
/** Reports are at least so far apart, except the last. */
const REPORT_MS = 100;

/** Adds up bytes and reports progress, with speed over the last seconds. */
export class ProgressMeter {
  readonly #total: number;
  readonly #report: (progress: PackageProgress) => void;
  readonly #now: () => number;
  #loaded = 0;
  #samples: { time: number; loaded: number }[];
  #reported = -Infinity;

  constructor(total: number, report: (progress: PackageProgress) => void, now: () => number = () => performance.now()) {
    this.#total = total;
    this.#report = report;
    this.#now = now;
    this.#samples = [{ time: now(), loaded: 0 }];
  }

  /** Counts bytes from `source`; negative ones take back what had to be thrown away. */
  add(bytes: number, source: PackageProgress['source']): void {
    this.#loaded += bytes;
    const time = this.#now();
    if (time - this.#reported < REPORT_MS && this.#loaded < this.#total) return;
    this.#reported = time;
    this.#samples.push({ time, loaded: this.#loaded });
    // The sample before the window stays: it is where the window begins.
    while (this.#samples.length > 2 && time - (this.#samples[1]?.time ?? time) > WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0] ?? { time, loaded: this.#loaded };
    const seconds = (time - first.time) / 1000;
    const bytesPerSecond = seconds > 0 ? Math.max(0, (this.#loaded - first.loaded) / seconds) : 0;
    const left = this.#total - this.#loaded;
    this.#report({
      loaded: this.#loaded,
      total: this.#total,
      source,
      bytesPerSecond,
      secondsLeft: left === 0 ? 0 : bytesPerSecond > 0 ? left / bytesPerSecond : Infinity,
    });
  }
}
