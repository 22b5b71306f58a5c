import { BambaError } from '../errors.ts';
import { BufferSet, slice } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import { PipelineCache } from '../gpu/kernel.ts';
import { type DispatchSpec, Plan, STEP_BYTES } from '../gpu/plan.ts';
import { shaderLibrary } from '../kernels/shared/library.ts';
import {
  ceilingCopy,
  ceilingDot,
  ceilingFma,
  ceilingMatvec,
  DOTS_PER_ROUND,
  fillRandom,
  FMAS_PER_ROUND,
  increment,
  WORKGROUP,
} from './kernels.ts';
import type { GpuTimer } from './timing.ts';

/** What the adapter does at best, measured by kernels that do nothing else. */
export interface Ceilings {
  /** Bytes a second that a plain int8 matvec reads. */
  readBytesPerS: number;
  /** Bytes a second that a copy reads and writes, both counted. */
  copyBytesPerS: number;
  /** f32 operations a second in multiply-adds of two each. */
  f32FlopsPerS: number;
  /** The same in f16; null without `shader-f16`. */
  f16FlopsPerS: number | null;
  /** Operations a second in dot products of four signed bytes, eight each. */
  int8OpsPerS: number;
  /** Seconds of a dispatch of one workgroup that waits for the one before. */
  dispatchS: number;
  /** Seconds of a submit of nothing until the host knows that it is done. */
  emptySubmitS: number;
  /** Bytes of the matrix that was read. */
  matrixBytes: number;
  /** The clock that times these and kernels. The host's counts what the browser takes to hand the work on, too. */
  clock: 'gpu' | 'host';
}

/** How large the measurements are. */
export interface CeilingSizes {
  /** Of the matrix, at most. */
  matrixBytes: number;
  /** Of the arithmetic. */
  workgroups: number;
  rounds: number;
}

const COLUMNS = 4096;
const LEAST_BYTES = 4 * 2 ** 20;

/** Measures them. @throws BambaError `out_of_memory` where not even a small matrix fits, `gpu_failure`. */
export async function measureCeilings(gpu: Gpu, timer: GpuTimer, sizes: CeilingSizes): Promise<Ceilings> {
  const { limits } = gpu.device;
  const most = Math.min(sizes.matrixBytes, limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  let rows = 2 ** Math.floor(Math.log2(most / COLUMNS));
  for (;;) {
    const set = new BufferSet(gpu.device, 'ceilings');
    try {
      return await measure(gpu, timer, set, rows, sizes);
    } catch (error) {
      // A smaller matrix shows nearly the same, as long as it is larger than the caches.
      const full = error instanceof BambaError && error.code === 'out_of_memory';
      if (!full || rows * COLUMNS <= LEAST_BYTES) throw error;
      rows /= 2;
    } finally {
      set.dispose();
    }
  }
}

async function measure(
  gpu: Gpu,
  timer: GpuTimer,
  set: BufferSet,
  rows: number,
  { workgroups, rounds }: CeilingSizes,
): Promise<Ceilings> {
  const matrixBytes = rows * COLUMNS;
  const { weights, copied, x, y, results, step } = await gpu.guarded('allocating memory to measure with', () => ({
    weights: slice(set.storage('weights', matrixBytes)),
    copied: slice(set.storage('copied', matrixBytes / 2)),
    x: slice(set.floats('x', COLUMNS)),
    y: slice(set.floats('y', rows)),
    results: slice(set.floats('results', workgroups * WORKGROUP)),
    step: set.uniform('step', STEP_BYTES),
  }));
  const cache = new PipelineCache(gpu.device, shaderLibrary);
  const plan = (specs: DispatchSpec | DispatchSpec[]) =>
    gpu.guarded('preparing a measurement', () => Plan.build(gpu.device, cache, step, [specs].flat()));
  const seconds = async (spec: DispatchSpec) => {
    const built = await plan(spec);
    try {
      return await timer.seconds((pass) => built.record(pass, 1));
    } finally {
      built.dispose();
    }
  };

  // Zeros are kinder to memory and power than weights are.
  const fill = await plan([
    fillRandom(weights, 'int8', { weightBytes: matrixBytes, scaleBytes: 0, scale: 1, seed: 1 }),
    fillRandom(x, 'f32', { weightBytes: x.size, scaleBytes: 0, scale: 1, seed: 2 }),
  ]);
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  fill.record(pass, 1);
  pass.end();
  gpu.device.queue.submit([encoder.finish()]);
  fill.dispose();

  const half = slice(weights.buffer, 0, matrixBytes / 2);
  const invocations = workgroups * WORKGROUP * rounds;
  const flops = 2 * FMAS_PER_ROUND * invocations;
  return {
    readBytesPerS:
      matrixBytes / (await seconds(ceilingMatvec(gpu.features, { x, weights, y }, { rows, columns: COLUMNS }))),
    copyBytesPerS: matrixBytes / (await seconds(ceilingCopy(half, copied))),
    f32FlopsPerS: flops / (await seconds(ceilingFma(results, { workgroups, rounds, f16: false }))),
    f16FlopsPerS: gpu.features.f16
      ? flops / (await seconds(ceilingFma(results, { workgroups, rounds, f16: true })))
      : null,
    int8OpsPerS:
      (8 * DOTS_PER_ROUND * invocations) / (await seconds(ceilingDot(gpu.features, results, { workgroups, rounds }))),
    dispatchS: await seconds(increment(y)),
    emptySubmitS: timer.emptySeconds,
    matrixBytes,
    clock: timer.clock,
  };
}
