import { BambaError } from '../../errors.ts';
import { BufferSet } from '../../gpu/buffers.ts';
import { type Model, type PassParts, writeStep } from '../model.ts';
import type { AnswerSettings, StepOptions, StepReport } from '../sampler.ts';
import { BatchPlans, type StepPlan } from './batch-plans.ts';
import { Slot } from './slot.ts';
import { largestRange, slotsThatFit, WIDTHS } from './slot-count.ts';
import { SlotPools } from './slot-pools.ts';

/**
 * Sequences of one model that decode together: a step reads the weights once for all of them. Each has a slot with its own
 * state, sampler and settings. They join and leave between steps, which allocate nothing.
 */
export class Batch {
  readonly #model: Model;
  readonly #set: BufferSet;
  readonly #slots: Slot[] = [];
  readonly #plans: BatchPlans;
  /** Of a step of the model alone. */
  readonly #pass: PassParts;
  /** For what moves from one slot to another. */
  #scratch!: GPUBuffer;
  /** Until what binds or replaces buffers is done. */
  #busy: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(model: Model) {
    this.#model = model;
    this.#set = new BufferSet(model.gpu.device, 'batch');
    this.#pass = model.stepPass;
    this.#plans = new BatchPlans(model, this.#slots, this.#pass);
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
      batch.#plans.fill();
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
    this.#scratch = this.#set.storage('moving', largestRange(architecture));
    const common = { gpu, architecture, set: this.#set, pass: this.#pass };
    const accepted = Array.from({ length: slots }, (_, index) => {
      const maker = pools.ofSlot(index);
      const parts = { ...common, maker, state: { ...state.cacheOptions, maker } };
      const { slot, accepted: allocated } = Slot.allocate(index, parts);
      this.#slots.push(slot);
      return allocated;
    });
    this.#plans.allocate(this.#set);
    return accepted;
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
    return this.#slots.reduce((sum, { state }) => sum + state.bytes, this.#set.bytes + this.#plans.bytes);
  }

  /**
   * Copies the live sequence of the model into a free slot, and samples the first token of its answer, or the next one of an
   * answer that was interrupted. The sequence is as `prefill` with logits or `restore` left it. Steps are for it once it is
   * told to `go`, if that token did not end the answer.
   * @returns its slot, and its first token
   * @throws BambaError `busy` where no slot is free; as `Model.beginAnswer`; `out_of_memory`.
   */
  async join(settings: AnswerSettings, step: StepOptions = {}): Promise<{ slot: number; report: StepReport }> {
    const { position } = this.#model.state;
    const answered = settings.answered?.length ?? 0;
    const slot = this.#take(position, position + settings.limit - answered);
    try {
      const { report, logits } = await this.#alone(() => this.#begin(slot, settings, step));
      return { slot: slot.index, report: { ...(await report()), logits: (await logits?.()) ?? null } };
    } catch (error) {
      this.leave(slot.index);
      throw error;
    }
  }

  /** A free slot, which is taken before anything is waited for. @throws BambaError `busy`. */
  #take(fed: number, most: number): Slot {
    const slot = this.#slots.find(({ room }) => !room);
    if (!slot) {
      throw new BambaError('busy', `All ${this.slots} slots are taken. Wait until an answer ends, or abort one.`);
    }
    slot.room = { fed, most: Math.min(this.#model.contextLength, most) };
    return slot;
  }

  /**
   * Copies the live sequence of the model into a free slot in the middle of an answer, which goes on there: all that the model
   * decoded was reported. Steps are for it once it is told to `go`.
   * @param left tokens that the answer may still have
   * @returns its slot
   * @throws BambaError as `join`
   */
  async takeOver(left: number): Promise<number> {
    const { state, answering } = this.#model;
    const slot = this.#take(state.position, state.position + 1 + left);
    try {
      await this.#alone(async () => {
        await this.#plans.grow(slot);
        await this.#model.copyInto(slot.state);
        slot.become(answering, this.#scratch);
        this.rest(slot.index);
      });
      return slot.index;
    } catch (error) {
      this.leave(slot.index);
      throw error;
    }
  }

  /**
   * Puts the live sequence of the model aside, in the middle of its prompt.
   * @returns its slot
   * @throws BambaError as `join`
   */
  async park(): Promise<number> {
    const { state } = this.#model;
    const slot = this.#take(state.position + 1, state.position + 1);
    try {
      await this.#alone(async () => {
        await this.#plans.grow(slot);
        await this.#model.copyInto(slot.state);
        // Steps of others write keys and values behind what it has.
        slot.halt(state.position);
      });
      return slot.index;
    } catch (error) {
      this.leave(slot.index);
      throw error;
    }
  }

  /** The live sequence of the model becomes again the one that was put aside; its slot is free. @throws BambaError `out_of_memory`. */
  async unpark(slot: number): Promise<void> {
    try {
      await this.#model.copyFrom(this.#slots[slot]!.state);
    } finally {
      this.leave(slot);
    }
  }

  /** Whether sequences could move to lower slots, so that steps would be for fewer. */
  get isLoose(): boolean {
    return this.#moves().length > 0;
  }

  /** Pairs of slots: the first moves to the second. */
  #moves(): [from: Slot, to: Slot][] {
    const going = this.#slots.filter(({ moves }) => moves);
    const width = WIDTHS.findLast((one) => one < (going.at(-1)?.index ?? 0) + 1);
    if (width === undefined || going.length > width) return [];
    const high = going.filter(({ index }) => index >= width);
    const free = this.#slots.filter(({ index, room }) => index < width && !room);
    return free.length < high.length ? [] : high.map((slot, index) => [slot, free[index]!]);
  }

  /**
   * Moves sequences to lower slots. No step may be under way.
   * @param tokensOf what the sequence of a slot was fed
   * @param onMove told at once where a sequence is from then on
   * @throws BambaError `out_of_memory`, `gpu_failure`; what `onMove` was not told of has not moved.
   */
  async tighten(
    tokensOf: (slot: number) => readonly number[],
    onMove: (from: number, to: number) => void,
  ): Promise<void> {
    // Asked for each time: others come and go meanwhile.
    for (let [move] = this.#moves(); move; [move] = this.#moves()) {
      const [from, to] = move;
      to.room = { ...from.room! };
      try {
        await this.#alone(async () => {
          await this.#plans.grow(to);
          from.state.tokens = [...tokensOf(from.index)];
          await this.#model.copyInto(to.state, from.state, this.#scratch);
          // Whoever rests meanwhile stays where it was.
          if (!from.moves) return;
          to.become(from, this.#scratch);
          to.moves = true;
          onMove(from.index, to.index);
          this.leave(from.index);
        });
      } finally {
        if (!to.moves) this.leave(to.index);
      }
    }
  }

  /** @returns what to call for the first token, and for the logits that it was chosen from. */
  async #begin(slot: Slot, settings: AnswerSettings, step: StepOptions) {
    const { gpu, state } = this.#model;
    await this.#plans.grow(slot);
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

  /** Steps that are begun from now on are for the sequence of a slot, too. */
  go(slot: number): void {
    this.#slots[slot]!.moves = true;
  }

  /** The sequence of a slot moves no further; steps that run end first. */
  rest(slot: number): void {
    this.#slots[slot]!.rest();
  }

  /** Frees a slot at once; steps that run end first. */
  leave(slot: number): void {
    this.#slots[slot]!.leave();
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

  /**
   * Submits `count` steps of all sequences, each fed by the choice of the one before on the GPU. Those whose answer has ended
   * do not move.
   * @param options of slots whose tokens depend on a mask, or whose logits are wanted: `count` is then 1
   * @returns what the sampler of each taken slot says after these steps
   * @throws BambaError `device_lost`, `gpu_failure`, `out_of_memory`.
   */
  async step(count = 1, options: ReadonlyMap<number, StepOptions> = new Map()): Promise<Map<number, StepReport>> {
    // Whoever joins until they are submitted has part in the next ones: `options` know nothing of it.
    const moving = this.#slots.filter(({ moves }) => moves);
    const { reports } = await this.#alone(async () => ({ reports: await this.#submit(moving, count, options) }));
    return new Map(await Promise.all(reports));
  }

  /** @returns what becomes of it, for each slot that moves. */
  async #submit(
    moving: readonly Slot[],
    count: number,
    options: ReadonlyMap<number, StepOptions>,
  ): Promise<Promise<[number, StepReport]>[]> {
    for (const slot of moving) {
      if (!slot.moves || !slot.room) continue;
      slot.room.fed = Math.min(slot.room.most, slot.room.fed + count);
      await this.#plans.grow(slot);
    }
    const last = moving.findLast(({ moves }) => moves);
    if (!last) return [];
    const { plan, samplerFrom } = await this.#plans.of(last.index + 1);
    // Some may have left meanwhile.
    const taken = moving.filter(({ moves }) => moves);
    for (const slot of taken) slot.wake();
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
    const own = before.then(() => {
      if (this.#disposed) throw new BambaError('disposed', 'The answers that went together were ended.');
      return work();
    });
    this.#busy = own.catch(() => null); // whoever began it hears of it
    return own;
  }

  /** Compiles the step of so many slots. @throws BambaError `gpu_failure`. */
  async prepare(slots: number): Promise<void> {
    await this.#alone(() => this.#plans.of(slots));
  }

  /** A step of so many slots, as it is now: a sequence that outgrows its keys and values replaces it. */
  async stepPlan(slots: number): Promise<StepPlan> {
    return this.#alone(() => this.#plans.of(slots));
  }

  /** Puts the sequences of all slots before token `position`, to measure a step over and over. */
  rewind(position: number): void {
    for (const { activations } of this.#slots) writeStep(this.#model.gpu, activations, position, 1);
  }

  /** Idempotent. */
  dispose(): void {
    this.#disposed = true;
    this.#plans.dispose();
    for (const slot of this.#slots) slot.dispose();
    this.#set.dispose();
  }
}
