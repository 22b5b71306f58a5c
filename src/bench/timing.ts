import type { Gpu } from '../gpu/device.ts';

/** How long measurements take. */
export interface Patience {
  /** Milliseconds that the GPU works for one measurement, so that the clock's steps do not show. */
  targetMs: number;
  /** Measurements, of which the median counts. */
  samples: number;
}

/** The middle one of some numbers, the mean of the middle two of an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const below = sorted[Math.ceil(middle) - 1] ?? NaN;
  const above = sorted[Math.floor(middle)] ?? NaN;
  return (below + above) / 2;
}

const MOST_REPEATS = 4096;

/** Measures what the GPU takes for recorded work, less what submitting and waiting takes by itself. */
export class GpuTimer {
  /** Seconds of a submit of nothing, until the host knows that it is done. */
  readonly emptySeconds: number;
  readonly #gpu: Gpu;
  readonly #patience: Patience;

  private constructor(gpu: Gpu, patience: Patience, emptySeconds: number) {
    this.#gpu = gpu;
    this.#patience = patience;
    this.emptySeconds = emptySeconds;
  }

  static async create(gpu: Gpu, patience: Patience): Promise<GpuTimer> {
    const seconds: number[] = [];
    for (let sample = 0; sample < 20; sample++) seconds.push(await submitted(gpu, () => {}));
    return new GpuTimer(gpu, patience, median(seconds));
  }

  /**
   * Seconds that the GPU takes for what `record` records. It is recorded over and over into one pass.
   * @param prepare called before every submit, to set the scene: what it writes is not counted.
   * @throws BambaError `device_lost`, `gpu_failure`.
   */
  async seconds(record: (pass: GPUComputePassEncoder) => void, prepare: () => void = () => {}): Promise<number> {
    const measure = async (repeats: number) => {
      prepare();
      await this.#gpu.device.queue.onSubmittedWorkDone();
      const seconds = await submitted(this.#gpu, (pass) => {
        for (let repeat = 0; repeat < repeats; repeat++) record(pass);
      });
      return Math.max(0, seconds - this.emptySeconds);
    };
    const { targetMs, samples } = this.#patience;
    await measure(1);
    let repeats = 1;
    let seconds = await measure(repeats);
    while (seconds * 1000 < targetMs && repeats < MOST_REPEATS) {
      const growth = Math.min(16, Math.max(2, (1.2 * targetMs) / (seconds * 1000 + 0.01)));
      repeats = Math.min(MOST_REPEATS, Math.ceil(repeats * growth));
      seconds = await measure(repeats);
    }
    const all = [seconds];
    while (all.length < samples) all.push(await measure(repeats));
    this.#gpu.check();
    return median(all) / repeats;
  }
}

async function submitted(gpu: Gpu, record: (pass: GPUComputePassEncoder) => void): Promise<number> {
  const { device } = gpu;
  const encoder = device.createCommandEncoder({ label: 'measurement' });
  const pass = encoder.beginComputePass();
  record(pass);
  pass.end();
  const commands = encoder.finish();
  const start = performance.now();
  device.queue.submit([commands]);
  await device.queue.onSubmittedWorkDone();
  return (performance.now() - start) / 1000;
}
