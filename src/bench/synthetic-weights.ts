import { BufferSet, type BufferSlice } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import { PipelineCache } from '../gpu/kernel.ts';
import { type DispatchSpec, Plan, STEP_BYTES } from '../gpu/plan.ts';
import { shaderLibrary } from '../kernels/shared/library.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { packageTensors } from '../architecture/config.ts';
import { GpuWeights } from '../model/gpu-weights.ts';
import { rowBytes, scaleBytesPerRow } from '../weights/layout.ts';
import { planTensors } from '../weights/package-writer.ts';
import type { Scheme, TensorEntry } from '../weights/types.ts';
import { fillRandom } from './kernels.ts';

/** Root mean square of what `fill_random` stores for a scale of 1. */
export const STORED_RMS: Record<Scheme, number> = { int8: 73.9, fp8: 0.6, f16: 0.577, f32: 0.577, int4: 7.01 };

/**
 * Random weights of a scheme, made on the GPU, always the same. A matrix keeps the size of its input, so that no
 * activation grows beyond a number. The measured time is then that of real weights.
 * @throws BambaError `adapter_limit`, `out_of_memory`.
 */
export async function syntheticWeights(gpu: Gpu, architecture: Architecture, scheme: Scheme): Promise<GpuWeights> {
  const specs = packageTensors(architecture);
  const tensors = planTensors(specs, scheme);
  const weights = await GpuWeights.allocate(gpu, tensors);
  try {
    const fills: DispatchSpec[] = [];
    for (const [seed, entry] of tensors.entries()) {
      if (specs[seed]?.kind === 'matrix') fills.push(...matrixFills(weights, entry, seed));
      else upload(gpu, weights.plain(entry.name, ...entry.shape), plainValues(entry));
    }
    await runOnce(gpu, fills);
    await weights.finishUploads();
    return weights;
  } catch (error) {
    weights.dispose();
    throw error;
  }
}

function matrixFills(weights: GpuWeights, entry: TensorEntry, seed: number): DispatchSpec[] {
  const [rows, columns] = entry.shape as [number, number];
  // Uniform weights of f16 and f32 reach up to the scale; in the others it is the scale of the rows.
  const scale = 1 / (STORED_RMS[entry.scheme] * Math.sqrt(columns));
  return weights.matrix(entry.name, rows, columns).parts.map((part) =>
    fillRandom(part.slice, entry.scheme, {
      weightBytes: part.rows * rowBytes(entry.scheme, columns),
      scaleBytes: scaleBytesPerRow(entry.scheme, columns),
      scale,
      seed: seed * 1000 + part.firstRow,
    }),
  );
}

/** Values of the size that trained models have. */
function plainValues({ name, shape }: TensorEntry): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const tensor = name.slice(name.lastIndexOf('.') + 1);
  // A sequence without a period that the tensors' sizes have: the golden ratio's multiples.
  const fraction = (index: number) => (index * 0.618_033_988_749_895) % 1;
  const value: Record<string, (index: number) => number> = {
    a: (index) => -0.01 - 15.99 * fraction(index),
    dt_bias: (index) => -3 + fraction(index),
    conv1d_weight: (index) => fraction(index) - 0.5,
    conv1d_bias: () => 0,
  };
  return values.map((_, index) => value[tensor]?.(index) ?? 1);
}

function upload(gpu: Gpu, target: BufferSlice, values: Float32Array<ArrayBuffer>): void {
  gpu.device.queue.writeBuffer(target.buffer, target.offset, values);
}

/** Random numbers in buffers of the state, which must hold finite ones whether they are read as f32 or as pairs of f16. */
export async function fillState(gpu: Gpu, buffers: readonly GPUBuffer[]): Promise<void> {
  await runOnce(
    gpu,
    buffers.map((buffer, seed) => {
      const data = { buffer, offset: 0, size: buffer.size };
      return fillRandom(data, 'f16', { weightBytes: buffer.size, scaleBytes: 0, scale: 1, seed });
    }),
  );
}

async function runOnce(gpu: Gpu, specs: readonly DispatchSpec[]): Promise<void> {
  const { device } = gpu;
  const set = new BufferSet(device, 'fill');
  const cache = new PipelineCache(device, shaderLibrary);
  const plan = await gpu.guarded('filling memory with random numbers', () =>
    Plan.build(device, cache, set.uniform('step', STEP_BYTES), specs),
  );
  const encoder = device.createCommandEncoder({ label: 'fill' });
  const pass = encoder.beginComputePass();
  plan.record(pass, 1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  plan.dispose();
  set.dispose();
  gpu.check();
}
