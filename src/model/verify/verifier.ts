import { BufferSet, type BufferSlice } from '../../gpu/buffers.ts';
import { Plan, SLOT_STEP_BYTES } from '../../gpu/plan.ts';
import { movingWidth, stateUpdatesDispatch } from '../../kernels/mamba2/conv1d_selective_state_updates_gate_to_norm.ts';
import type { Rounding } from '../../kernels/projections/columns.ts';
import type { Digits } from '../../kernels/projections/quantize_rows.ts';
import { acceptDraft } from '../../kernels/sampling/accept_draft.ts';
import { spanOf } from '../../kernels/shared/slots.ts';
import { type Activations, createActivations } from '../activations.ts';
import { mergeSteps } from '../batch/merge.ts';
import { roundingOf } from '../batch/rounding.ts';
import { SlotPools } from '../batch/slot-pools.ts';
import { mamba2Dims } from '../dims.ts';
import { advanceSpecs, canVerify, stepParts } from '../hybrid.ts';
import type { Model, PassParts } from '../model.ts';
import type { SamplerReport } from '../sampler.ts';
import type { Scope } from '../scope.ts';

/** Positions that a step may go over: as many as are given, or somewhat more. */
export const VERIFIED: readonly number[] = [4, 8, 16];

/** How a verifier is made. */
export interface VerifierOptions {
  /** Positions of a step, at most; one of `VERIFIED`, by default its last. */
  most?: number;
  /** Digits of int8 that inputs of products are rounded to, where weights are int8 or int4: see `Rounding`. Default 0, for f32. */
  digits?: 0 | Digits;
}

/** What a position has of its own. */
interface Position {
  activations: Activations;
  /** As in `Scope`. */
  moving: (BufferSlice | undefined)[];
}

/**
 * Steps over several positions of the live sequence of a model: the token that was sampled last, and drafts of those that may
 * follow. The weights are read once for all of them. From each position a token is sampled as it would be alone, as long as
 * the drafts before it were right. The state then moves by those that were, and by no other: nothing has to be taken back.
 */
export class Verifier {
  readonly #model: Model;
  readonly #set: BufferSet;
  readonly #positions: readonly Position[];
  readonly #rounding: Rounding | null;
  /** Of which `#plans` are: growing the sequence replaces it. */
  #pass: PassParts;
  readonly #plans = new Map<number, Plan>();

  private constructor(model: Model, { most = VERIFIED.at(-1)!, digits = 0 }: VerifierOptions) {
    const { gpu, architecture } = model;
    this.#model = model;
    this.#pass = model.stepPass;
    this.#set = new BufferSet(gpu.device, 'verifier');
    const pools = new SlotPools(this.#set, most);
    const dims = mamba2Dims(architecture);
    this.#positions = Array.from({ length: most }, (_, index) => {
      const maker = pools.ofSlot(index);
      const moving = architecture.blocks.map((sublayers, block) =>
        dims && sublayers.flat().includes('mamba2')
          ? maker.floats(`u of block ${block}`, movingWidth(dims))
          : undefined,
      );
      return { activations: createActivations(maker, architecture, 1, { decodeOnly: true }), moving };
    });
    this.#rounding = digits === 0 ? null : roundingOf(this.#set, this.#positions[0]!.activations.widest, most, digits);
  }

  /** Whether a model's steps can go over several positions. */
  static takes({ architecture }: Model): boolean {
    return canVerify(architecture);
  }

  /**
   * Allocates; what steps take is compiled by `prepare`, or when it is first taken. It has to be disposed of before the model.
   * @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  static async create(model: Model, options: VerifierOptions = {}): Promise<Verifier> {
    const what = 'allocating memory to verify several tokens at once';
    const { value, accepted } = model.gpu.guardedNow(what, () => new Verifier(model, options));
    try {
      await accepted;
      return value;
    } catch (error) {
      value.dispose();
      throw error;
    }
  }

  /** Positions of a step, at most. */
  get most(): number {
    return this.#positions.length;
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#set.bytes;
  }

  /** Compiles the step over so many positions, or somewhat more. @throws BambaError `gpu_failure`. */
  async prepare(positions: number): Promise<void> {
    await this.plan(positions);
  }

  /** The step over so many positions, or somewhat more, as it is now: growing the sequence replaces it. */
  async plan(positions: number): Promise<Plan> {
    const width = VERIFIED.find((one) => one >= positions)!;
    if (this.#pass !== this.#model.stepPass) {
      this.#forget();
      this.#pass = this.#model.stepPass;
    }
    let plan = this.#plans.get(width);
    if (!plan) this.#plans.set(width, (plan = this.#bind(width)));
    await plan.ready();
    return plan;
  }

  #bind(width: number): Plan {
    const { scope, pipelines } = this.#pass;
    const { features } = scope;
    const { answering, gpu } = this.#model;
    const { sampler, activations: own } = answering;
    const positions = this.#positions
      .slice(0, width)
      .map((position): Scope => ({ ...scope, ...position, batched: true }));
    const steps = positions.map((one) => ({ step: one.activations.step, specs: stepParts(one).flat() }));
    const verified = positions[0]!.activations.step;
    const merged = mergeSteps(features, steps, this.#rounding, stateUpdatesDispatch);
    const sampled = positions.flatMap(({ activations }, index) => {
      const last = index === width - 1;
      const draft = positions[last ? index : index + 1]!.activations.ids;
      const drafts = { ids: own.ids, draft, step: own.step, verified: { ...verified, size: SLOT_STEP_BYTES } };
      return [...sampler.dispatches(features, activations.logits), acceptDraft(features, 'sampling', drafts, { last })];
    });
    const advance = advanceSpecs(positions).map((spec) => ({ ...spec, step: verified }));
    return Plan.bind(gpu.device, pipelines, verified.buffer, [...merged, ...sampled, ...advance]);
  }

  /**
   * Submits one step. The caller has all reports of steps before, knows that the answer goes on, and has reserved room for all
   * positions; it tells `state.tokens` what the report says.
   * @param ids the token that was sampled last, and drafts: at most `most`
   * @returns the sampler's account: of tokens, one more than drafts that were right, or as many as ended the answer
   * @throws BambaError `device_lost`, `gpu_failure`.
   */
  async step(ids: readonly number[]): Promise<SamplerReport> {
    const plan = await this.plan(ids.length);
    const { gpu, state, answering } = this.#model;
    const width = VERIFIED.find((one) => one >= ids.length)!;
    const { queue } = gpu.device;
    const taken = this.#positions.slice(0, width).map(({ activations }) => activations);
    // Positions without a draft are fed what may come by chance.
    this.#write(
      taken.map((one) => one.ids),
      (index) => [ids[index] ?? ids.at(-1)!],
      queue,
    );
    this.#write(
      taken.map(({ step }) => ({ ...step, size: SLOT_STEP_BYTES })),
      (index) => [state.position + index, 1, 0, 0],
      queue,
    );
    const rest = plan.submitAhead(1);
    const encoder = gpu.device.createCommandEncoder({ label: 'verification' });
    const pass = encoder.beginComputePass();
    plan.record(pass, 1, rest);
    pass.end();
    const report = answering.sampler.report(encoder);
    queue.submit([encoder.finish()]);
    return report();
  }

  /** Writes words to the beginning of each of some ranges that lie one behind the other. */
  #write(ranges: readonly BufferSlice[], words: (index: number) => number[], queue: GPUQueue): void {
    const { buffer, offset, size } = spanOf(ranges);
    const values = new Uint32Array(size / 4);
    for (const [index, range] of ranges.entries()) values.set(words(index), (range.offset - offset) / 4);
    queue.writeBuffer(buffer, offset, values);
  }

  #forget(): void {
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
  }

  /** Idempotent. */
  dispose(): void {
    this.#forget();
    this.#set.dispose();
  }
}
