import { BambaError } from '../errors.ts';
import { type BufferSet, slice } from '../gpu/buffers.ts';
import type { Gpu, GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { logitsProcess, partialsBytes } from '../kernels/logits_process.ts';
import { OUTPUT_BYTES, OUTPUT_RING, OUTPUT_STATE, sample } from '../kernels/sample.ts';
import {
  denseBias,
  packSampling,
  promptCounts,
  SAMPLING_BYTES,
  type SamplingValues,
} from '../kernels/sampling-settings.ts';
import type { Activations } from './activations.ts';

/** What an answer is sampled by. */
export interface AnswerSettings {
  values: SamplingValues;
  /** Tokens after which it ends, at least 1. */
  limit: number;
  /** Ids that end it. */
  stopIds: readonly number[];
  /** The whole prompt: the repetition penalty counts its tokens. */
  promptIds: readonly number[];
}

/** The sampler's account of an answer, as read back. */
export interface SamplerReport {
  /** Tokens so far. */
  emitted: number;
  /** Whether a stop id or the limit ended the answer; the GPU's state does not move any more. */
  ended: boolean;
  /** Ids that are new since the last report. */
  ids: number[];
}

/** Readbacks that may be under way at once. */
export const REPORTS_IN_FLIGHT = 3;

/** The host's half of sampling: settings go to the GPU once an answer, ids come back a few steps late. */
export class Sampler {
  readonly #gpu: Gpu;
  readonly #activations: Activations;
  readonly #vocabulary: number;
  readonly #settings: GPUBuffer;
  readonly #counts: GPUBuffer;
  readonly #bias: GPUBuffer;
  readonly #partials: GPUBuffer;
  readonly #output: GPUBuffer;
  readonly #staging: GPUBuffer[];
  #next = 0;
  #reported = 0;
  #plain = true;

  /** Allocates; call inside `gpu.guarded`. */
  constructor(gpu: Gpu, buffers: BufferSet, activations: Activations, vocabulary: number) {
    this.#gpu = gpu;
    this.#activations = activations;
    this.#vocabulary = vocabulary;
    this.#settings = buffers.storage('sampling settings', SAMPLING_BYTES);
    this.#counts = buffers.floats('token counts', vocabulary);
    this.#bias = buffers.floats('logit bias', vocabulary);
    this.#partials = buffers.storage('argmax partials', partialsBytes(vocabulary));
    this.#output = buffers.storage('sampler output', OUTPUT_BYTES);
    this.#staging = Array.from({ length: REPORTS_IN_FLIGHT }, (_, index) =>
      buffers.readback(`sampler report ${index}`, OUTPUT_BYTES),
    );
  }

  /** Tokens that may be sampled between two reports. */
  static get maxStepsPerReport(): number {
    return Math.floor(OUTPUT_RING / REPORTS_IN_FLIGHT);
  }

  /** The sampler's two dispatches: they end every pass that a token comes out of. */
  dispatches(features: GpuFeatures): DispatchSpec[] {
    const { logits, ids, step } = this.#activations;
    const buffers = {
      settings: slice(this.#settings),
      logits,
      partials: slice(this.#partials),
      counts: slice(this.#counts),
    };
    return [
      logitsProcess(features, 'sampling', { ...buffers, bias: slice(this.#bias) }, this.#vocabulary),
      sample(
        features,
        'sampling',
        { ...buffers, ids, output: slice(this.#output), step: slice(step) },
        this.#vocabulary,
      ),
    ];
  }

  /** Sets an answer up, before the pass that samples its first token. @throws BambaError `setting_invalid`. */
  begin({ values, limit, stopIds, promptIds }: AnswerSettings): void {
    const { queue } = this.#gpu.device;
    queue.writeBuffer(this.#settings, 0, packSampling(values, { limit, stopIds }));
    queue.writeBuffer(this.#output, 0, new Uint32Array(2));
    const plain = values.repetitionPenalty === 1 && values.presencePenalty === 0 && values.frequencyPenalty === 0;
    // Counts are read only for penalties: without any, those of an earlier answer may stay.
    if (!plain || !this.#plain) queue.writeBuffer(this.#counts, 0, promptCounts(promptIds, this.#vocabulary));
    this.#plain = plain;
    if (values.logitBias.size > 0) queue.writeBuffer(this.#bias, 0, denseBias(values.logitBias, this.#vocabulary));
    this.#reported = 0;
  }

  /**
   * Records the copy of the sampler's output behind the steps of `encoder`.
   * @returns what to call after submitting: it resolves when those steps are done.
   */
  report(encoder: GPUCommandEncoder): () => Promise<SamplerReport> {
    const staging = this.#staging[this.#next]!;
    this.#next = (this.#next + 1) % this.#staging.length;
    encoder.copyBufferToBuffer(this.#output, 0, staging, 0, OUTPUT_BYTES);
    return () => this.#read(staging);
  }

  async #read(staging: GPUBuffer): Promise<SamplerReport> {
    await this.#gpu.map(staging, GPUMapMode.READ, 'The GPU did not hand back the sampled tokens.');
    const output = new Uint32Array(staging.getMappedRange(0, OUTPUT_BYTES));
    const emitted = output[0]!;
    const state = output[1]!;
    const ids: number[] = [];
    for (; this.#reported < emitted; this.#reported++) ids.push(output[2 + (this.#reported % OUTPUT_RING)]!);
    staging.unmap();
    if (state === OUTPUT_STATE.noNumber) {
      throw new BambaError(
        'gpu_failure',
        'The model computed no usable number for the next token: its weights or the graphics driver are at fault. ' +
          'Load the model again; if it happens again, update the driver or try another browser.',
      );
    }
    return { emitted, ended: state === OUTPUT_STATE.ended, ids };
  }
}
