import { copySlice, type SliceMaker, type BufferSet } from '../../gpu/buffers.ts';
import type { Gpu } from '../../gpu/device.ts';
import { Plan } from '../../gpu/plan.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import { type Activations, createActivations } from '../activations.ts';
import type { PassParts } from '../model.ts';
import { Sampler } from '../sampler.ts';
import { SequenceState, type SequenceOptions } from '../state.ts';

/** Bytes of the `Step` of one sequence. */
const OWN_STEP = 16;

/** Bytes in a `Step` before the member that says whether its sequence is halted. */
const HALTED = 8;

/** A sequence with what its answer is sampled with. */
interface Answering {
  readonly activations: Activations;
  readonly sampler: Sampler;
}

/** What a slot is made of. */
export interface SlotParts {
  gpu: Gpu;
  architecture: Architecture;
  /** Makes what the sampler has of its own. */
  set: BufferSet;
  /** Makes its ranges. */
  maker: SliceMaker;
  pass: PassParts;
  state: SequenceOptions;
}

/** A place for a sequence of a batch. */
export class Slot implements Answering {
  readonly index: number;
  readonly activations: Activations;
  readonly state: SequenceState;
  readonly sampler: Sampler;
  /** Samples its first token. */
  readonly sample: Plan;
  /** Tokens that it may have fed when all steps so far are done, and that it may have at all; null where it is free. */
  room: { fed: number; most: number } | null = null;
  /** Whether steps are for it that are begun from now on. */
  moves = false;
  readonly #gpu: Gpu;
  /** Whether the GPU knows that it moves. */
  #awake = false;
  #disposed = false;

  private constructor(index: number, state: SequenceState, { gpu, architecture, set, maker, pass }: SlotParts) {
    this.index = index;
    this.#gpu = gpu;
    this.state = state;
    this.activations = createActivations(maker, architecture, 1, { decodeOnly: true });
    this.sampler = new Sampler(gpu, set, this.activations, architecture.vocabSize);
    const { pipelines, scope } = pass;
    const { buffer } = this.activations.step;
    this.sample = Plan.bind(gpu.device, pipelines, buffer, this.sampler.dispatches(scope.features));
    this.halt();
  }

  /** A free slot; the promise tells whether there was memory. */
  static allocate(index: number, parts: SlotParts): { slot: Slot; accepted: Promise<void> } {
    const { value: state, accepted } = SequenceState.allocate(parts.gpu, parts.architecture, parts.state);
    accepted.catch(() => {}); // heard of in order
    return { slot: new Slot(index, state, parts), accepted };
  }

  /** It is not moving: steps write keys and values at `position`, by default at the beginning. */
  halt(position = 0): void {
    this.#write(0, [position, 1, 1, 0]);
  }

  /** The GPU is told that it moves. */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#write(HALTED, [0]);
  }

  /** It moves no further, and stays where it is: attention writes behind its last token. Steps that run end first. */
  rest(): void {
    this.moves = this.#awake = false;
    this.#write(HALTED, [1]);
  }

  /** It is free at once; steps that run end first. */
  leave(): void {
    this.moves = this.#awake = false;
    this.room = null;
    this.halt();
  }

  #write(offset: number, words: number[]): void {
    if (this.#disposed) return;
    const { step } = this.activations;
    this.#gpu.device.queue.writeBuffer(step.buffer, step.offset + offset, new Uint32Array(words));
  }

  /**
   * Its next step is the one that another sequence would have had.
   * @param scratch as of `copySlice`
   */
  become(other: Answering, scratch: GPUBuffer): void {
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'another slot' });
    this.sampler.take(encoder, other.sampler);
    const { ids, step } = this.activations;
    copySlice(encoder, other.activations.ids, { ...ids, size: 4 }, scratch);
    copySlice(encoder, other.activations.step, { ...step, size: OWN_STEP }, scratch);
    this.#gpu.device.queue.submit([encoder.finish()]);
    if (other instanceof Slot) this.#awake = other.#awake;
  }

  /** Idempotent. */
  dispose(): void {
    this.#disposed = true;
    this.state.dispose();
    this.sample.dispose();
  }
}
