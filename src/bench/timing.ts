import { BufferSet } from '../gpu/buffers.ts';
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
const QUERIES_BYTES = 16;

/** The GPU's own clock: browsers round it to 0.1 ms, which over a long pass is nothing. */
interface GpuClock {
  queries: GPUQuerySet;
  resolved: GPUBuffer;
  readable: GPUBuffer;
}

/**
 * Measures what the GPU takes for recorded work. By its own clock where it has one; else by the host's, less what
 * submitting and waiting takes by itself: that counts what the browser takes to hand the work on, too.
 */
export class GpuTimer {
  /** Seconds of a submit of nothing, until the host knows that it is done. */
  readonly emptySeconds: number;
  readonly #gpu: Gpu;
  readonly #patience: Patience;
  readonly #clock: GpuClock | null;

  private constructor(gpu: Gpu, patience: Patience, emptySeconds: number, clock: GpuClock | null) {
    this.#gpu = gpu;
    this.#patience = patience;
    this.emptySeconds = emptySeconds;
    this.#clock = clock;
  }

  /** Its buffers live as long as the device. */
  static async create(gpu: Gpu, patience: Patience): Promise<GpuTimer> {
    const seconds: number[] = [];
    for (let sample = 0; sample < 20; sample++) seconds.push(await hostSeconds(gpu, () => {}));
    return new GpuTimer(gpu, patience, median(seconds), gpu.features.timestamps ? createClock(gpu) : null);
  }

  /** Whose clock it goes by. */
  get clock(): 'gpu' | 'host' {
    return this.#clock ? 'gpu' : 'host';
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
      return this.#measure((pass) => {
        for (let repeat = 0; repeat < repeats; repeat++) record(pass);
      });
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

  async #measure(record: (pass: GPUComputePassEncoder) => void): Promise<number> {
    if (this.#clock) return gpuSeconds(this.#gpu, this.#clock, record);
    // What is shorter than the clock's steps is as good as one step.
    return Math.max(1e-6, (await hostSeconds(this.#gpu, record)) - this.emptySeconds);
  }
}

function createClock({ device }: Gpu): GpuClock {
  const set = new BufferSet(device, 'timer');
  return {
    queries: device.createQuerySet({ label: 'timer', type: 'timestamp', count: 2 }),
    resolved: set.storage('resolved', QUERIES_BYTES, GPUBufferUsage.QUERY_RESOLVE),
    readable: set.readback('readable', QUERIES_BYTES),
  };
}

async function gpuSeconds(
  { device }: Gpu,
  { queries, resolved, readable }: GpuClock,
  record: (pass: GPUComputePassEncoder) => void,
): Promise<number> {
  const encoder = device.createCommandEncoder({ label: 'measurement' });
  const pass = encoder.beginComputePass({
    timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
  });
  record(pass);
  pass.end();
  encoder.resolveQuerySet(queries, 0, 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, readable, 0, QUERIES_BYTES);
  device.queue.submit([encoder.finish()]);
  await readable.mapAsync(GPUMapMode.READ);
  const [begin = 0n, end = 0n] = new BigUint64Array(readable.getMappedRange());
  readable.unmap();
  return Math.max(1e-6, Number(end - begin) / 1e9);
}

async function hostSeconds({ device }: Gpu, record: (pass: GPUComputePassEncoder) => void): Promise<number> {
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
