import { BambaError } from '../errors.ts';
import { type BufferMaker, type BufferSet, type BufferSlice, slice } from '../gpu/buffers.ts';
import type { Gpu, GpuFeatures } from '../gpu/device.ts';
import { Readbacks } from '../gpu/readbacks.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { logitsProcess, maskBytes, partialsBytes } from '../kernels/sampling/logits_process.ts';
import { OUTPUT_BYTES, OUTPUT_RING, OUTPUT_STATE, sample } from '../kernels/sampling/sample.ts';
import { denseBias, packSampling, promptCounts, SAMPLING_BYTES } from '../kernels/sampling/sampling-settings.ts';
import type { SamplingValues } from '../sampling.ts';
import type { Activations } from './activations.ts';

/** What an answer is sampled by. */
export interface AnswerSettings {
  values: SamplingValues;
  /** Tokens after which it ends, at least 1, and more than are `answered`. */
  limit: number;
  /** Ids that end it. */
  stopIds: readonly number[];
  /** The whole prompt: the repetition penalty counts its tokens. */
  promptIds: readonly number[];
  /** Whether each step is given a mask of the tokens that may come. Default false. */
  masked?: boolean;
  /** Tokens that the answer has already, behind the prompt: it goes on as if it had not been interrupted. */
  answered?: readonly number[];
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

/** What a step that is waited for is given and asked for. */
export interface StepOptions {
  /** Bit v % 32 of word v / 32 says that token v may come; for answers that were begun as `masked`. */
  mask?: Uint32Array<ArrayBuffer>;
  /** Whether the logits (V) that the token was chosen from are wanted, as the model left them. */
  logits?: boolean;
}

/** The account after a step that was waited for. */
export interface StepReport extends SamplerReport {
  /** (V); null when they were not asked for. */
  logits: Float32Array<ArrayBuffer> | null;
}

/** Reports that may be under way at once: so far steps run ahead of what the host has seen. */
export const REPORTS_IN_FLIGHT = 3;

const NOT_READ = 'The GPU did not hand back what it computed for the next token.';

/** Buffers of a sampler. */
interface SamplerBuffers {
  settings: GPUBuffer;
  counts: GPUBuffer;
  bias: GPUBuffer;
  mask: GPUBuffer;
  partials: GPUBuffer;
  output: GPUBuffer;
  staging: GPUBuffer[];
}

/** Allocates them for a vocabulary of so many; call inside `gpu.guarded`. */
export function createSamplerBuffers(set: BufferMaker, vocabulary: number): SamplerBuffers {
  return {
    settings: set.storage('sampling settings', SAMPLING_BYTES),
    counts: set.floats('token counts', vocabulary),
    bias: set.floats('logit bias', vocabulary),
    mask: set.storage('token mask', maskBytes(vocabulary)),
    partials: set.storage('argmax partials', partialsBytes(vocabulary)),
    output: set.storage('sampler output', OUTPUT_BYTES),
    staging: Array.from({ length: REPORTS_IN_FLIGHT }, (_, index) =>
      set.readback(`sampler report ${index}`, OUTPUT_BYTES),
    ),
  };
}

/** The sampler's two dispatches: they end every pass that a token comes out of. */
export function samplerDispatches(
  features: GpuFeatures,
  own: SamplerBuffers,
  { logits, ids, step }: Activations,
  vocabulary: number,
): DispatchSpec[] {
  const buffers = {
    settings: slice(own.settings),
    logits,
    partials: slice(own.partials),
    counts: slice(own.counts),
  };
  const processed = { ...buffers, bias: slice(own.bias), mask: slice(own.mask) };
  return [
    logitsProcess(features, 'sampling', processed, vocabulary),
    sample(features, 'sampling', { ...buffers, ids, output: slice(own.output), step }, vocabulary),
  ];
}

/** The host's half of sampling: settings go to the GPU once an answer, ids come back a few steps late. */
export class Sampler {
  readonly #gpu: Gpu;
  readonly #activations: Activations;
  readonly #vocabulary: number;
  readonly #own: SamplerBuffers;
  readonly #reports: Readbacks;
  /** Made for the first answer that wants logits. */
  readonly #logits: Readbacks;
  #reported = 0;
  #plain = true;

  /** Allocates; call inside `gpu.guarded`. */
  constructor(gpu: Gpu, buffers: BufferSet, activations: Activations, vocabulary: number) {
    this.#gpu = gpu;
    this.#activations = activations;
    this.#vocabulary = vocabulary;
    this.#own = createSamplerBuffers(buffers, vocabulary);
    const report = (index: number) => buffers.readback(`sampler report ${index}`, OUTPUT_BYTES);
    this.#reports = new Readbacks(gpu, report, NOT_READ, this.#own.staging);
    this.#logits = new Readbacks(gpu, () => buffers.readback('logits', 4 * vocabulary), NOT_READ);
  }

  /** Tokens that may be sampled between two reports. */
  static get maxStepsPerReport(): number {
    return Math.floor(OUTPUT_RING / REPORTS_IN_FLIGHT);
  }

  /** The sampler's two dispatches: they end every pass that a token comes out of. @param logits by default those of a step */
  dispatches(features: GpuFeatures, logits = this.#activations.logits): DispatchSpec[] {
    return samplerDispatches(features, this.#own, { ...this.#activations, logits }, this.#vocabulary);
  }

  /** Sets an answer up, before the pass that samples its first token. @throws BambaError `setting_invalid`. */
  begin({ values, limit, stopIds, promptIds, masked = false, answered = [] }: AnswerSettings): void {
    const { queue } = this.#gpu.device;
    queue.writeBuffer(this.#own.settings, 0, packSampling(values, { limit, stopIds, masked }));
    queue.writeBuffer(this.#own.output, 0, new Uint32Array([answered.length, OUTPUT_STATE.goingOn]));
    const plain = values.repetitionPenalty === 1 && values.presencePenalty === 0 && values.frequencyPenalty === 0;
    // Counts are read only for penalties: without any, those of an earlier answer may stay.
    if (!plain || !this.#plain) {
      queue.writeBuffer(this.#own.counts, 0, promptCounts(promptIds, this.#vocabulary, answered));
    }
    this.#plain = plain;
    if (values.logitBias.size > 0) queue.writeBuffer(this.#own.bias, 0, denseBias(values.logitBias, this.#vocabulary));
    this.#reported = answered.length;
  }

  /** Records that it becomes what the sampler of another sequence of this model is, in the middle of an answer. */
  take(encoder: GPUCommandEncoder, other: Sampler): void {
    for (const name of ['settings', 'counts', 'bias', 'output'] as const) {
      const to = this.#own[name];
      encoder.copyBufferToBuffer(other.#own[name], 0, to, 0, to.size);
    }
    this.#reported = other.#reported;
    this.#plain = other.#plain;
  }

  /** Sets which tokens the next step may choose. */
  allow(mask: Uint32Array<ArrayBuffer>): void {
    this.#gpu.device.queue.writeBuffer(this.#own.mask, 0, mask);
  }

  /**
   * Records the copy of logits (V), before the sampler's dispatches change them.
   * @returns what to call after submitting.
   */
  copyLogits(encoder: GPUCommandEncoder, from: BufferSlice): () => Promise<Float32Array<ArrayBuffer>> {
    const read = this.#logits.copy(encoder, { ...from, size: 4 * this.#vocabulary });
    return async () => new Float32Array(await read());
  }

  /**
   * Records the copy of the sampler's output behind the steps of `encoder`.
   * @returns what to call after submitting: it resolves when those steps are done.
   */
  report(encoder: GPUCommandEncoder): () => Promise<SamplerReport> {
    const read = this.#reports.copy(encoder, slice(this.#own.output));
    return async () => this.#account(new Uint32Array(await read()));
  }

  #account(output: Uint32Array): SamplerReport {
    const emitted = output[0]!;
    const state = output[1]!;
    const ids: number[] = [];
    for (; this.#reported < emitted; this.#reported++) ids.push(output[2 + (this.#reported % OUTPUT_RING)]!);
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
