import type { BufferSet } from '../../gpu/buffers.ts';
import { type DispatchSpec, Plan } from '../../gpu/plan.ts';
import type { Rounding } from '../../kernels/projections/columns.ts';
import { stepParts } from '../hybrid.ts';
import type { Model, PassParts } from '../model.ts';
import { RopeTable } from '../rope-table.ts';
import { CACHE_BLOCK } from '../window-ring.ts';
import { mergeSteps } from './merge.ts';
import { roundingOf } from './rounding.ts';
import type { Slot } from './slot.ts';
import { WIDTHS } from './slot-count.ts';

/** A step of several slots: of all blocks and heads, and of the samplers. */
export interface StepPlan {
  plan: Plan;
  specs: readonly DispatchSpec[];
  /** The first dispatch of the samplers. */
  samplerFrom: number;
}

/** The steps of a batch, by the number of its slots that they are for, each bound when it is first taken. */
export class BatchPlans {
  readonly #model: Model;
  readonly #slots: readonly Slot[];
  /** Of a step of the model alone. */
  readonly #pass: PassParts;
  readonly #plans = new Map<number, StepPlan>();
  /** How inputs of products become integers; null where they do not. */
  #rounding: Rounding | null = null;
  /** As long as the longest sequence has room for. */
  #rope: RopeTable;
  #positions = CACHE_BLOCK;

  /** Allocates; call inside `gpu.guarded`. @param slots may be filled later */
  constructor(model: Model, slots: readonly Slot[], pass: PassParts) {
    this.#model = model;
    this.#slots = slots;
    this.#pass = pass;
    this.#rope = new RopeTable(model.gpu, model.architecture.attention ?? {}, CACHE_BLOCK);
  }

  /** Allocates what depends on the slots, which are there now; call inside `gpu.guarded`. */
  allocate(set: BufferSet): void {
    const { batchDigits: digits } = this.#model;
    if (digits === 0) return;
    this.#rounding = roundingOf(set, this.#slots[0]!.activations.widest, this.#slots.length, digits);
  }

  /** Fills what was allocated. */
  fill(): void {
    this.#rope.fill(CACHE_BLOCK);
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#rope.bytes;
  }

  /** Makes room for what a sequence may have fed. Whoever binds its keys and values binds again. */
  async grow({ state, room }: Slot): Promise<void> {
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

  /** The step of at least so many slots, compiled. @throws BambaError `gpu_failure`. */
  async of(slots: number): Promise<StepPlan> {
    const wide = WIDTHS.find((one) => one >= slots)!;
    const width = Math.min(this.#slots.length, wide);
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

  /** Idempotent. */
  dispose(): void {
    this.#forget();
    this.#rope.dispose();
  }
}
