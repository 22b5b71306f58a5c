import { BambaError } from '../errors.ts';
import type { BufferSlice } from './buffers.ts';
import { type Kernel, packParams, paramsBytes, type PipelineCache, type Variant } from './kernel.ts';

/** Workgroups in x, y, z. */
export type Grid = readonly [number, number, number];

/** One kernel call of a plan, before it is compiled. */
export interface DispatchSpec {
  kernel: Kernel;
  variant: Variant;
  /** Places it: `block 12 / mamba2`. The plan appends the kernel's name. */
  label: string;
  params?: Readonly<Record<string, number>>;
  constants?: Readonly<Record<string, number>>;
  /** By the names that the kernel declares. */
  buffers: Readonly<Record<string, BufferSlice>>;
  /** Where the `Step` of its sequence is, `STEP_BYTES` from there on; by default the plan's. */
  step?: BufferSlice;
  /** Fixed, or by the number of tokens of the pass. */
  grid: Grid | ((tokens: number) => Grid);
}

interface Dispatch {
  spec: DispatchSpec;
  /** Null until it is compiled. */
  pipeline: GPUComputePipeline | null;
  group: GPUBindGroup;
  stepGroup: GPUBindGroup;
}

/** Dispatches that are submitted together: few enough that the GPU soon has work, and enough to outlast a submit. */
const SLICE = 64;

const PARAMS_STRIDE = 256; // minUniformBufferOffsetAlignment of every adapter is at most this

/**
 * A fixed list of dispatches over fixed buffers, bound and compiled once, then replayed for every pass.
 * Replaying creates nothing: what changes between passes is in the `Step` buffer.
 */
export class Plan {
  readonly #device: GPUDevice;
  readonly #cache: PipelineCache;
  readonly #dispatches: readonly Dispatch[];
  readonly #params: GPUBuffer;

  private constructor(device: GPUDevice, cache: PipelineCache, dispatches: readonly Dispatch[], params: GPUBuffer) {
    this.#device = device;
    this.#cache = cache;
    this.#dispatches = dispatches;
    this.#params = params;
  }

  /** Dispatches of one pass. */
  get length(): number {
    return this.#dispatches.length;
  }

  get labels(): string[] {
    return this.#dispatches.map(({ spec }) => labelOf(spec));
  }

  /** Binds all buffers. Nothing is compiled before `ready`. */
  static bind(device: GPUDevice, cache: PipelineCache, step: GPUBuffer, specs: readonly DispatchSpec[]): Plan {
    for (const spec of specs) checkSpec(spec);
    const params = device.createBuffer({
      label: 'params',
      size: Math.max(1, specs.length) * PARAMS_STRIDE,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const packed = new Uint8Array(specs.length * PARAMS_STRIDE);
    const stepGroup = stepGroups(device, cache, step);
    const dispatches = specs.map((spec, index): Dispatch => {
      packed.set(new Uint8Array(packParams(spec.kernel, spec.params ?? {})), index * PARAMS_STRIDE);
      const ownParams = { buffer: params, offset: index * PARAMS_STRIDE, size: PARAMS_STRIDE };
      return { spec, pipeline: null, group: bind(device, cache, spec, ownParams), stepGroup: stepGroup(spec.step) };
    });
    device.queue.writeBuffer(params, 0, packed);
    return new Plan(device, cache, dispatches, params);
  }

  /** Binds and compiles. @throws BambaError `gpu_failure`. */
  static async build(...given: Parameters<typeof Plan.bind>): Promise<Plan> {
    const plan = Plan.bind(...given);
    await plan.ready();
    return plan;
  }

  /**
   * Compiles all dispatches, in parallel, as far as nobody has asked for it before.
   * @param onCompiled called once for each dispatch that becomes ready.
   * @throws BambaError `gpu_failure`, at every call.
   */
  async ready(onCompiled?: () => void): Promise<void> {
    const missing = this.#dispatches.filter(({ pipeline }) => !pipeline);
    await Promise.all(
      missing.map(async (dispatch) => {
        const { kernel, variant, constants = {} } = dispatch.spec;
        dispatch.pipeline = await this.#cache.pipeline(kernel, variant, constants);
        onCompiled?.();
      }),
    );
  }

  /** Records dispatches [begin, end) for a pass over `tokens` tokens. The plan has to be `ready`. */
  record(pass: GPUComputePassEncoder, tokens: number, begin = 0, end = this.#dispatches.length): void {
    // Groups stay set when the pipeline changes.
    let current: GPUComputePipeline | null = null;
    let step: GPUBindGroup | null = null;
    for (let index = begin; index < end; index++) {
      const { spec, pipeline, group, stepGroup } = this.#dispatches[index]!;
      const [x, y, z] = typeof spec.grid === 'function' ? spec.grid(tokens) : spec.grid;
      if (pipeline !== current) pass.setPipeline(pipeline!);
      current = pipeline;
      pass.setBindGroup(0, group);
      if (stepGroup !== step) pass.setBindGroup(1, stepGroup);
      step = stepGroup;
      pass.dispatchWorkgroups(x, y, z);
    }
  }

  /**
   * Submits dispatches [begin, end) for a pass over `tokens` tokens, except for the last ones. So the GPU computes a
   * slice while the next is recorded.
   * @returns the first dispatch that is left to record
   */
  submitAhead(tokens: number, begin = 0, end = this.#dispatches.length): number {
    let first = begin;
    for (; end - first > SLICE; first += SLICE) {
      const encoder = this.#device.createCommandEncoder({ label: 'slice' });
      const pass = encoder.beginComputePass();
      this.record(pass, tokens, first, first + SLICE);
      pass.end();
      this.#device.queue.submit([encoder.finish()]);
    }
    return first;
  }

  /** Frees the parameters; the buffers that it binds belong to others. */
  dispose(): void {
    this.#params.destroy();
  }
}

/** Sequences that a dispatch may be for, as in shaders/lib/step.wgsl. */
export const MOST_SLOTS = 16;
/** From the `Step` of a sequence to the next: a binding may begin with each. */
export const SLOT_STEP_BYTES = 256;
/** `array<Slot, 16>` of `struct Step { position: u32, tokens: u32, halted: u32, emitted: u32 }`, see shaders/lib/step.wgsl. */
export const STEP_BYTES = MOST_SLOTS * SLOT_STEP_BYTES;

/** Binds the `Step` at a place, each place once; without a place, all that `step` has. */
function stepGroups(device: GPUDevice, cache: PipelineCache, step: GPUBuffer): (at?: BufferSlice) => GPUBindGroup {
  const groups = new Map<number, GPUBindGroup>();
  return (at = { buffer: step, offset: 0, size: STEP_BYTES }) => {
    let group = groups.get(at.offset);
    if (!group) {
      const entries = [{ binding: 0, resource: at }];
      group = device.createBindGroup({ label: 'step', layout: cache.stepLayout(), entries });
      groups.set(at.offset, group);
    }
    return group;
  };
}

function labelOf({ label, kernel }: DispatchSpec): string {
  return `${label} / ${kernel.name}`;
}

function bind(device: GPUDevice, cache: PipelineCache, spec: DispatchSpec, params: BufferSlice): GPUBindGroup {
  const { kernel } = spec;
  const hasParams = paramsBytes(kernel) > 0;
  return device.createBindGroup({
    label: labelOf(spec),
    layout: cache.layout(kernel),
    entries: [
      ...(hasParams ? [{ binding: 0, resource: params }] : []),
      ...[...kernel.reads, ...kernel.writes].map((name, index) => ({
        binding: index + 1,
        resource: spec.buffers[name]!,
      })),
    ],
  });
}

function checkSpec(spec: DispatchSpec): void {
  const { kernel } = spec;
  const declared = [...kernel.reads, ...kernel.writes];
  const missing = declared.filter((name) => spec.buffers[name] === undefined);
  const unknown = Object.keys(spec.buffers).filter((name) => !declared.includes(name));
  const unset = kernel.constants.filter((name) => spec.constants?.[name] === undefined);
  if (missing.length + unknown.length + unset.length > 0) {
    throw new BambaError(
      'gpu_failure',
      `Kernel at ${labelOf(spec)}: missing buffers [${missing.join()}], unknown buffers [${unknown.join()}], unset constants [${unset.join()}].`,
    );
  }
}
