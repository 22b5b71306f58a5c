import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { BufferSet, type BufferSlice, readBuffer, slice } from '../../gpu/buffers.ts';
import { Gpu, type GpuFeatures, type OptionalFeature } from '../../gpu/device.ts';
import { assemble, type Kernel, PipelineCache, type Variant } from '../../gpu/kernel.ts';
import { type DispatchSpec, Plan, SLOT_STEP_BYTES, STEP_BYTES } from '../../gpu/plan.ts';
import { shaderLibrary } from '../../kernels/shared/library.ts';
import type { Matrix } from '../../kernels/projections/matrix.ts';
import { matrixBytes } from '../../weights/layout.ts';
import { dequantizeMatrix, quantizeRows } from '../../weights/quantize.ts';
import type { Scheme } from '../../weights/types.ts';
import { hasAdapter } from '../dawn.ts';
import { withMatrices } from './emulated-matrices.ts';
import { type Part, partOf } from '../extent.ts';
import { computedMagnitudes } from './matrix-cases.ts';
import { schemesOf } from './schemes.ts';

// A device for kernel tests. Every test runs inside error scopes and fails on any error of the device, also when its
// numbers look right.

/** What an output holds before a kernel writes it, and must hold around it afterwards. */
const SENTINEL = 12345.678;
/** Elements behind every output: a write past the end lands there instead of being clamped onto the last element. */
const GUARD = 64;

/** All schemes of matrices. */
export const SCHEMES: readonly Scheme[] = ['f32', 'f16', 'int8', 'fp8', 'int4'];

/** A buffer that kernels write: its first `length` elements are the tensor. */
export interface Output extends BufferSlice {
  readonly length: number;
}

/** A matrix on the GPU, and the weights that its bytes stand for. */
export interface TestMatrix extends Matrix {
  /** (rows, columns) */
  readonly weights: Float32Array;
  /** (rows, columns): how large they get while kernels compute with them, for bounds of rounding errors. */
  readonly magnitudes: Float32Array;
}

/** The `Step` uniform of a pass; what is not given is 0. */
export interface Pass {
  tokens: number;
  position?: number;
  halted?: boolean;
}

export class TestGpu {
  readonly gpu: Gpu;
  /** What kernels are told of the device: its own features, but for the subgroup size where a suite sets it. */
  readonly features: GpuFeatures;
  readonly #cache: PipelineCache;
  readonly #step: GPUBuffer;
  #buffers: BufferSet;

  constructor(gpu: Gpu, subgroupSize = gpu.features.subgroupSize) {
    this.gpu = gpu;
    this.features = { ...gpu.features, subgroupSize };
    this.#cache = new PipelineCache(gpu.device, shaderLibrary);
    this.#step = new BufferSet(gpu.device, 'test').uniform('step', STEP_BYTES);
    this.#buffers = new BufferSet(gpu.device, 'test');
  }

  get cache(): PipelineCache {
    return this.#cache;
  }

  /** A buffer that kernels read: f32 of any numbers, or the bytes of another typed array. */
  input(values: Float64Array | Float32Array | Uint32Array | Uint8Array | readonly number[]): BufferSlice {
    const typed = Array.isArray(values) || values instanceof Float64Array ? Float32Array.from(values) : values;
    const { buffer, byteOffset, byteLength } = typed as Float32Array<ArrayBuffer>;
    const target = this.#buffers.storage('input', byteLength);
    this.gpu.device.queue.writeBuffer(target, 0, buffer, byteOffset, byteLength);
    return slice(target);
  }

  /** A buffer of f32 that kernels write, with the given content or none that could pass for a result. */
  output(content: number | ArrayLike<number>): Output {
    const length = typeof content === 'number' ? content : content.length;
    const values = new Float32Array(Math.ceil((length + GUARD) / 4) * 4).fill(SENTINEL);
    if (typeof content !== 'number') values.set(content);
    return { ...this.input(values), length };
  }

  /** The tensor in an output. @throws Error where a kernel wrote behind it. */
  async read(output: Output): Promise<Float32Array> {
    const values = new Float32Array(await readBuffer(this.gpu.device, output));
    const stray = values.subarray(output.length).findIndex((value) => value !== Math.fround(SENTINEL));
    if (stray >= 0) throw new Error(`A kernel wrote ${stray} elements behind an output of ${output.length}.`);
    return values.subarray(0, output.length);
  }

  /** A matrix of `values` (rows, columns) in a scheme, in parts of so many rows each; by default in one. */
  matrix(scheme: Scheme, values: Float32Array, columns: number, partRows: readonly number[] = []): TestMatrix {
    return this.#inParts(scheme, values.length / columns, columns, partRows, (first, rows) => {
      const part = values.subarray(first * columns, (first + rows) * columns);
      const { bytes, scales } = quantizeRows(scheme, part, columns, { name: 'test', firstRow: first });
      const stored = new Uint8Array(matrixBytes(scheme, rows, columns));
      stored.set(bytes);
      stored.set(scales, bytes.length);
      return stored;
    });
  }

  /** A matrix of one part, of bytes as src/weights/layout.ts lays them out. */
  matrixOfBytes(scheme: Scheme, bytes: Uint8Array, rows: number, columns: number): TestMatrix {
    return this.#inParts(scheme, rows, columns, [], () => bytes);
  }

  #inParts(
    scheme: Scheme,
    rows: number,
    columns: number,
    partRows: readonly number[],
    bytesOf: (first: number, rows: number) => Uint8Array,
  ): TestMatrix {
    const weights = new Float32Array(rows * columns);
    const largest = new Float32Array(rows * columns);
    const parts = [];
    let first = 0;
    for (const wanted of [...partRows, rows]) {
      const count = Math.min(wanted, rows - first);
      if (count === 0) break;
      const bytes = bytesOf(first, count);
      const values = dequantizeMatrix(scheme, bytes, count, columns);
      weights.set(values, first * columns);
      largest.set(computedMagnitudes(scheme, bytes, values, columns), first * columns);
      parts.push({ slice: this.input(bytes), firstRow: first, rows: count });
      first += count;
    }
    return { scheme, rows, columns, parts, weights, magnitudes: largest };
  }

  /** Compiles, binds and runs dispatches, in order, as one pass; those for several sequences as a pass of each. */
  async run(specs: DispatchSpec | readonly DispatchSpec[], given: Pass | readonly Pass[]): Promise<void> {
    const { device } = this.gpu;
    const passes = 'tokens' in given ? [given] : given;
    const list = 'kernel' in specs ? [specs] : specs;
    const plan = await Plan.build(device, this.#cache, this.#step, list);
    for (const [slot, { tokens, position = 0, halted = false }] of passes.entries()) {
      const step = new Uint32Array([position, tokens, halted ? 1 : 0, 0]);
      device.queue.writeBuffer(this.#step, slot * SLOT_STEP_BYTES, step);
    }
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    plan.record(pass, passes[0]!.tokens);
    pass.end();
    device.queue.submit([encoder.finish()]);
    plan.dispose();
  }

  /** Frees all inputs and outputs. */
  release(): void {
    this.#buffers.dispose();
    this.#buffers = new BufferSet(this.gpu.device, 'test');
  }
}

/** A variant of the device that a suite runs on. */
interface DeviceVariant {
  name: string;
  without: readonly OptionalFeature[];
  /** Sizes the workgroups of kernels, as on a device with such subgroups; the device's own where it is not given. */
  subgroupSize?: number;
  /** Whether it has subgroup matrices, which are emulated. */
  subgroupMatrices?: boolean;
}

const PLAIN: DeviceVariant = {
  name: 'without subgroups',
  without: ['f16', 'subgroups', 'byteProducts'],
  subgroupSize: 32,
};
const WITH_BYTE_PRODUCTS: DeviceVariant = {
  name: 'with products of bytes',
  without: ['f16', 'subgroups'],
  subgroupSize: 32,
};
/** Workgroups of one subgroup, and of several. */
const WITH_SUBGROUPS: readonly DeviceVariant[] = [
  { name: 'with subgroups', without: ['f16'] },
  { name: 'with subgroups, in wide workgroups', without: ['f16'], subgroupSize: 64 },
];

/**
 * A suite on each variant of the device that `kernel` has code for: with subgroups or products of bytes, and without.
 * `body` gets a function that gives the device inside tests, and what part of large products this variant is to test.
 *
 * ```ts
 * describeGpu(rmsNormKernel, (gpu) => {
 *   it('is the reference', async () => { await gpu().run(...); });
 * });
 * ```
 */
export function describeGpu(kernel: Kernel, body: (gpu: () => TestGpu, part: Part) => void): void {
  const scheme = schemesOf(kernel)[0]!;
  const plain = { scheme, subgroups: false, f16: false };
  const differs = (variant: Partial<Variant>) =>
    assemble(kernel, { ...plain, ...variant }, shaderLibrary) !== assemble(kernel, plain, shaderLibrary);
  // A kernel whose code is the same needs no second run.
  const more = differs({ subgroups: true })
    ? WITH_SUBGROUPS
    : differs({ byteProducts: true })
      ? [WITH_BYTE_PRODUCTS]
      : [];
  const variants = [PLAIN, ...more];
  for (const [index, variant] of variants.entries()) {
    suite(kernel, variant, (gpu) => body(gpu, partOf(index, variants.length)));
  }
}

/** A suite on a device with f16, for kernels with half-precision tiles; it is skipped where the adapter has none. */
export function describeGpuWithF16(kernel: Kernel, body: (gpu: () => TestGpu) => void): void {
  suite(kernel, { name: 'with f16', without: [] }, body);
}

/** A suite on a device with subgroup matrices, which are emulated: see emulated-matrices.ts. */
export function describeGpuWithMatrices(kernel: Kernel, body: (gpu: () => TestGpu) => void): void {
  suite(kernel, { name: 'with emulated matrices', without: ['f16'], subgroupMatrices: true }, body);
}

function suite(kernel: Kernel, variant: DeviceVariant, body: (gpu: () => TestGpu) => void) {
  const { name, without, subgroupSize, subgroupMatrices = false } = variant;
  describe.skipIf(!hasAdapter)(`${kernel.name} ${name}`, () => {
    let shared: TestGpu | undefined;
    let missing = '';
    let scoped = false;
    beforeAll(async () => {
      const adapters = subgroupMatrices ? withMatrices(navigator.gpu) : navigator.gpu;
      const gpu = await Gpu.request({ gpu: adapters, without, subgroupMatrices });
      shared = new TestGpu(gpu, subgroupSize);
      missing = (['f16', 'subgroups'] as const).filter((f) => !without.includes(f) && !gpu.features[f]).join(' and ');
      if (missing) console.warn(`SKIPPED: ${kernel.name} ${name}. The adapter has no ${missing}.`);
    });
    beforeEach((context) => {
      if (missing) context.skip(`no ${missing}`);
      const { device } = shared!.gpu;
      for (const filter of ['out-of-memory', 'internal', 'validation'] as const) device.pushErrorScope(filter);
      scoped = true;
    });
    afterEach(async () => {
      if (!shared || !scoped) return;
      scoped = false;
      const { device } = shared.gpu;
      const errors = [await device.popErrorScope(), await device.popErrorScope(), await device.popErrorScope()];
      shared.release();
      shared.gpu.check();
      for (const error of errors) if (error) throw new Error(`WebGPU: ${error.message}`);
    });
    afterAll(() => shared?.gpu.dispose());
    body(() => shared!);
  });
}
