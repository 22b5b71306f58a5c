import { BambaError } from '../../errors.ts';
import { BufferSet, BufferTally, slice, type SliceMaker } from '../../gpu/buffers.ts';
import { type GpuLimits, largestBinding } from '../../gpu/device.ts';
import { type DispatchSpec, MOST_SLOTS, Plan } from '../../gpu/plan.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import type { Rounding } from '../../kernels/projections/columns.ts';
import { quantizedRowSizes } from '../../kernels/projections/quantize_rows.ts';
import { type Activations, createActivations } from '../activations.ts';
import { stepParts } from '../hybrid.ts';
import { type Model, type PassParts, writeStep } from '../model.ts';
import { RopeTable } from '../rope-table.ts';
import { type AnswerSettings, Sampler, type StepOptions, type StepReport } from '../sampler.ts';
import { fixedState, SequenceState } from '../state.ts';
import { CACHE_BLOCK } from '../window-ring.ts';
import { mergeSteps } from './merge.ts';
import { SlotPools } from './slot-pools.ts';

/** Slots that a step may be for: as many as are taken, or somewhat more. */
const WIDTHS: readonly number[] = [1, 2, 4, 8, MOST_SLOTS];

/** Bytes in a `Step` before the member that says whether its sequence is halted. */
const HALTED = 8;

/** A place for a sequence. */
interface Slot {
  readonly index: number;
  readonly activations: Activations;
  readonly state: SequenceState;
  readonly sampler: Sampler;
  /** Samples its first token. */
  readonly sample: Plan;
  /** Tokens that it may have fed when all steps so far are done, and that it may have at all; null where it is free. */
  room: { fed: number; most: number } | null;
  /** Whether steps are for it. */
  moves: boolean;
}

/** A step of so many slots: of all blocks and heads, and from some place on of the samplers. */
export interface StepPlan {
  plan: Plan;
  specs: readonly DispatchSpec[];
  samplerFrom: number;
}

/** What every slot has in ranges of common buffers. */
function pooled(maker: SliceMaker, architecture: Architecture): Activations {
  for (const index of architecture.blocks.keys()) fixedState(maker, architecture, index, 'f32');
  return createActivations(maker, architecture, 1, { decodeOnly: true });
}

/**
 * Slots for `wanted` sequences, 1, 2, 4, 8 or 16 of them, or as many fewer as leave no buffer larger than a device can bind.
 */
export function slotsThatFit(architecture: Architecture, limits: GpuLimits, wanted: number): number {
  const enough = WIDTHS.find((width) => width >= wanted) ?? MOST_SLOTS;
  const fits = (slots: number) => {
    const tally = new BufferTally();
    pooled(new SlotPools(tally, slots).ofSlot(0), architecture);
    return tally.largest <= largestBinding(limits);
  };
  return WIDTHS.findLast((width) => width <= enough && fits(width)) ?? 1;
}

/**
 * Sequences of one model that decode together: a step reads the weights once for all of them. Each has a slot with its own
 * state, sampler and settings. They join and leave between steps, which allocate nothing.
 */
export class Batch {
  readonly #model: Model;
  readonly #set: BufferSet;
  readonly #slots: Slot[] = [];
  /** How inputs of products become integers; null where they do not. */
  #rounding: Rounding | null = null;
  readonly #plans = new Map<number, StepPlan>();
  /** Of a step of the model alone. */
  readonly #pass: PassParts;
  /** As long as the longest sequence has room for. */
  #rope: RopeTable;
  #positions = CACHE_BLOCK;
  /** Until what binds or replaces buffers is done. */
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(model: Model) {
    this.#model = model;
    this.#set = new BufferSet(model.gpu.device, 'batch');
    this.#pass = model.stepPass;
    this.#rope = new RopeTable(model.gpu, model.architecture.attention ?? {}, CACHE_BLOCK);
  }

  /**
   * Allocates the slots; what steps take is compiled when they are first taken. It has to be disposed of before the model.
   * @param wanted slots, at most 16; see `slotsThatFit`
   * @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  static async create(model: Model, wanted: number): Promise<Batch> {
    const { gpu, architecture } = model;
    const slots = slotsThatFit(architecture, gpu.limits, wanted);
    const { value: batch, accepted: begun } = gpu.guardedNow('preparing a batch', () => new Batch(model));
    try {
      await begun;
      batch.#rope.fill(CACHE_BLOCK);
      const allocated = gpu.guardedNow(`allocating the states of ${slots} sequences`, () => batch.#allocate(slots));
      for (const accepted of [...allocated.value, allocated.accepted]) await accepted;
      await Promise.all(batch.#slots.map(({ sample }) => sample.ready()));
      return batch;
    } catch (error) {
      batch.dispose();
      throw error;
    }
  }

  /** @returns whether there was memory for keys and values. */
  #allocate(slots: number): Promise<void>[] {
    const pools = new SlotPools(this.#set, slots);
    const { gpu, architecture, state } = this.#model;
    const { vocabSize } = architecture;
    const { pipelines, scope } = this.#pass;
    const accepted = Array.from({ length: slots }, (_, index) => {
      const maker = pools.ofSlot(index);
      const options = { ...state.cacheOptions, maker };
      const { value: own, accepted: allocated } = SequenceState.allocate(gpu, architecture, options);
      allocated.catch(() => {}); // heard of in order
      const activations = createActivations(maker, architecture, 1, { decodeOnly: true });
      const sampler = new Sampler(gpu, this.#set, activations, vocabSize);
      const sample = Plan.bind(gpu.device, pipelines, activations.step.buffer, sampler.dispatches(scope.features));
      this.#slots.push({ index, activations, state: own, sampler, sample, room: null, moves: false });
      this.#halt(activations);
      return allocated;
    });
    this.#rounding = this.#roundingOf(slots);
    return accepted;
  }

  #roundingOf(slots: number): Rounding | null {
    const { batchDigits: digits } = this.#model;
    if (digits === 0) return null;
    const { words, scales } = quantizedRowSizes(this.#slots[0]!.activations.widest, digits);
    const x = slice(this.#set.floats('rounded inputs', slots, words));
    const x_scale = slice(this.#set.floats('scales of rounded inputs', slots, scales));
    return { digits, to: { x, x_scale } };
  }

  /** Sequences that there is room for. */
  get slots(): number {
    return this.#slots.length;
  }

  /** Slots that are taken. */
  get taken(): number[] {
    return this.#slots.filter(({ room }) => room).map(({ index }) => index);
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#slots.reduce((sum, { state }) => sum + state.bytes, this.#set.bytes + this.#rope.bytes);
  }

  /**
   * Copies the live sequence of the model into a free slot, and samples the first token of its answer, or the next one of an
   * answer that was interrupted. The sequence is as `prefill` with logits or `restore` left it. Steps are for it once it is
   * told to `go`, if that token did not end the answer.
   * @returns its slot, and its first token
   * @throws BambaError `busy` where no slot is free; as `Model.beginAnswer`; `out_of_memory`.
   */
  async join(settings: AnswerSettings, step: StepOptions = {}): Promise<{ slot: number; report: StepReport }> {
    const slot = this.#slots.find(({ room }) => !room);
    if (!slot) {
      throw new BambaError('busy', `All ${this.slots} slots are taken. Wait until an answer ends, or abort one.`);
    }
    const { position } = this.#model.state;
    const answered = settings.answered?.length ?? 0;
    const most = Math.min(this.#model.contextLength, position + settings.limit - answered);
    // Taken before anything is waited for.
    slot.room = { fed: position, most };
    try {
      const { report, logits } = await this.#alone(() => this.#begin(slot, settings, step));
      return { slot: slot.index, report: { ...(await report()), logits: (await logits?.()) ?? null } };
    } catch (error) {
      this.leave(slot.index);
      throw error;
    }
  }

  /** @returns what to call for the first token, and for the logits that it was chosen from. */
  async #begin(slot: Slot, settings: AnswerSettings, step: StepOptions) {
    const { gpu, state } = this.#model;
    await this.#grow(slot);
    await this.#model.copyInto(slot.state);
    const { activations, sampler } = slot;
    sampler.begin(settings);
    if (step.mask) sampler.allow(step.mask);
    // As in an answer of the model alone.
    writeStep(gpu, activations, state.position - 1, 1, settings.answered?.length);
    const encoder = gpu.device.createCommandEncoder({ label: 'first token in a batch' });
    const { buffer, offset, size } = activations.logits;
    encoder.copyBufferToBuffer(this.#model.promptLogits, 0, buffer, offset, size);
    const logits = step.logits ? sampler.copyLogits(encoder, activations.logits) : null;
    const pass = encoder.beginComputePass();
    slot.sample.record(pass, 1);
    pass.end();
    const report = sampler.report(encoder);
    gpu.device.queue.submit([encoder.finish()]);
    this.rest(slot.index);
    return { report, logits };
  }

  /** Steps are for the sequence of a slot from now on. */
  go(slot: number): void {
    const going = this.#slots[slot]!;
    going.moves = true;
    this.#writeHalted(going, 0);
  }

  /** The sequence of a slot moves no further; steps that run end first. */
  rest(slot: number): void {
    const resting = this.#slots[slot]!;
    resting.moves = false;
    // Its position stays: attention writes behind its last token.
    this.#writeHalted(resting, 1);
  }

  #writeHalted({ activations: { step } }: Slot, halted: 0 | 1): void {
    this.#model.gpu.device.queue.writeBuffer(step.buffer, step.offset + HALTED, new Uint32Array([halted]));
  }

  /** Frees a slot at once; steps that run end first. */
  leave(slot: number): void {
    const left = this.#slots[slot]!;
    left.moves = false;
    left.room = null;
    this.#halt(left.activations);
  }

  /**
   * Copies the sequence of a slot back into the live one of the model, and frees the slot. The caller has all reports of steps
   * that it was in.
   * @param tokens that it was fed: the prompt, and all of the answer but the last
   * @throws BambaError `out_of_memory`, `gpu_failure`; the slot is free then too.
   */
  async giveBack(slot: number, tokens: readonly number[]): Promise<void> {
    const { state } = this.#slots[slot]!;
    this.rest(slot);
    state.tokens = [...tokens];
    try {
      await this.#model.copyFrom(state);
    } finally {
      this.leave(slot);
    }
  }

  /** What is in a free slot: a sequence that does not move, at the beginning of its keys and values. */
  #halt({ step }: Activations): void {
    this.#model.gpu.device.queue.writeBuffer(step.buffer, step.offset, new Uint32Array([0, 1, 1, 0]));
  }

  /**
   * Submits `count` steps of all sequences, each fed by the choice of the one before on the GPU. Those whose answer has ended
   * do not move.
   * @param options of slots whose tokens depend on a mask, or whose logits are wanted: `count` is then 1
   * @returns what the sampler of each taken slot says after these steps
   * @throws BambaError `device_lost`, `gpu_failure`, `out_of_memory`.
   */
  async step(count = 1, options: ReadonlyMap<number, StepOptions> = new Map()): Promise<Map<number, StepReport>> {
    const { reports } = await this.#alone(async () => ({ reports: await this.#submit(count, options) }));
    return new Map(await Promise.all(reports));
  }

  /** @returns what becomes of it, for each slot that moves. */
  async #submit(count: number, options: ReadonlyMap<number, StepOptions>): Promise<Promise<[number, StepReport]>[]> {
    for (const slot of this.#slots) {
      if (!slot.moves || !slot.room) continue;
      slot.room.fed = Math.min(slot.room.most, slot.room.fed + count);
      await this.#grow(slot);
    }
    const last = this.#slots.findLast(({ moves }) => moves);
    if (!last) return [];
    const { plan, samplerFrom } = await this.#planFor(last.index + 1);
    // Some may have left meanwhile; none has joined.
    const taken = this.#slots.filter(({ moves }) => moves);
    const { gpu } = this.#model;
    // As of one sequence alone: the first slice is computed while the next is recorded.
    const rest = count === 1 ? plan.submitAhead(1, 0, samplerFrom) : 0;
    const encoder = gpu.device.createCommandEncoder({ label: 'step of a batch' });
    const logits = new Map<number, () => Promise<Float32Array<ArrayBuffer>>>();
    let pass = encoder.beginComputePass();
    for (let index = 0; index < count; index++) {
      plan.record(pass, 1, index === 0 ? rest : 0, samplerFrom);
      if (options.size > 0) {
        pass.end();
        for (const { index: slot, sampler, activations } of taken) {
          const { mask, logits: wanted } = options.get(slot) ?? {};
          if (mask) sampler.allow(mask);
          if (wanted) logits.set(slot, sampler.copyLogits(encoder, activations.logits));
        }
        pass = encoder.beginComputePass();
      }
      plan.record(pass, 1, samplerFrom);
    }
    pass.end();
    const reports = taken.map(({ index, sampler }) => ({ index, report: sampler.report(encoder) }));
    gpu.device.queue.submit([encoder.finish()]);
    return reports.map(async ({ index, report }): Promise<[number, StepReport]> => {
      const [account, values] = await Promise.all([report(), logits.get(index)?.() ?? null]);
      return [index, { ...account, logits: values }];
    });
  }

  /** Does `work` when all that began before is done. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#busy;
    const own = before.then(work);
    this.#busy = own.catch(() => null); // whoever began it hears of it
    return own;
  }

  /** Makes room for what a sequence may have fed. Whoever binds its keys and values binds again. */
  async #grow({ state, room }: Slot): Promise<void> {
    const capacity = state.capacityFor(room?.fed ?? 0, this.#model.contextLength);
    if (capacity === state.capacity) return;
    await state.grow(capacity);
    this.#forget();
    if (capacity <= this.#positions) return;
    const rope = await this.#rope.longer(capacity);
    this.#rope.dispose();
    this.#rope = rope;
    this.#positions = capacity;
  }

  #forget(): void {
    for (const { plan } of this.#plans.values()) plan.dispose();
    this.#plans.clear();
  }

  /** The step of at least so many slots. */
  async #planFor(slots: number): Promise<StepPlan> {
    const width = Math.min(
      this.slots,
      WIDTHS.find((one) => one >= slots)!,
    );
    let made = this.#plans.get(width);
    if (!made) this.#plans.set(width, (made = this.#bind(width)));
    await made.plan.ready();
    return made;
  }

  #bind(width: number): StepPlan {
    const { scope, pipelines } = this.#pass;
    const { features } = scope;
    const { angles: rope, localAngles: localRope } = this.#rope;
    const slots = this.#slots.slice(0, width);
    const steps = slots.map(({ activations, state }) => ({
      step: activations.step,
      specs: stepParts({ ...scope, rope, localRope, activations, blocks: state.blocks, batched: width > 1 }).flat(),
    }));
    const merged = mergeSteps(features, steps, this.#rounding);
    const specs = [...merged, ...slots.flatMap(({ sampler }) => sampler.dispatches(features))];
    const { buffer } = slots[0]!.activations.step;
    const plan = Plan.bind(this.#model.gpu.device, pipelines, buffer, specs);
    return { plan, specs, samplerFrom: merged.length };
  }

  /** A step of so many slots, as it is now: a sequence that outgrows its keys and values replaces it. */
  async stepPlan(slots: number): Promise<StepPlan> {
    return this.#planFor(slots);
  }

  /** Puts the sequences of all slots before token `position`, to measure a step over and over. */
  rewind(position: number): void {
    for (const { activations } of this.#slots) writeStep(this.#model.gpu, activations, position, 1);
  }

  /** Idempotent. */
  dispose(): void {
    this.#forget();
    for (const { state, sample } of this.#slots) {
      state.dispose();
      sample.dispose();
    }
    this.#rope.dispose();
    this.#set.dispose();
  }
}
