import { BambaError } from '../errors.ts';
import { BufferSet, slice, wholeBuffers } from '../gpu/buffers.ts';
import { type Gpu, type GpuFeatures, largestBinding } from '../gpu/device.ts';
import { PipelineCache } from '../gpu/kernel.ts';
import { type DispatchSpec, Plan } from '../gpu/plan.ts';
import { shaderLibrary } from '../kernels/shared/library.ts';
import { defaultMatvecSubgroups } from '../kernels/projections/matrix.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import type { Digits } from '../kernels/projections/quantize_rows.ts';
import { type PassLength, passLength } from '../kernels/shared/pass-length.ts';
import { type Activations, boundTokens, createActivations } from './activations.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { chunksOf, DEFAULT_CHUNK_TOKENS } from './chunks.ts';
import { checkArchitecture } from './dims.ts';
import type { GpuWeights } from './gpu-weights.ts';
import { prefillHead, promptParts, stepParts } from './hybrid.ts';
import { RopeTable } from './rope-table.ts';
import type { Scope } from './scope.ts';
import { type AnswerSettings, Sampler, type SamplerReport, type StepOptions, type StepReport } from './sampler.ts';
import { StateConverter, type StateType } from './state-converter.ts';
import { SequenceState } from './state.ts';
import type { Tuning } from './tuning.ts';
import { Snapshot, type SnapshotOptions } from './snapshot.ts';

export interface ModelOptions {
  /** Tokens that a sequence may have. */
  contextLength: number;
  /** Tokens of a prefill pass; longer prompts take several. */
  chunkTokens?: number;
  /** Whether prompts are computed with activations of int8 where weights are int8 or int4: faster, less exact. Off by default. */
  int8Activations?: boolean;
  /**
   * Digits of int8 that inputs are rounded to in steps of several sequences, where weights are int8 or int4: see `Rounding`.
   * By default 0, for f32.
   */
  batchDigits?: 0 | Digits;
  /** What keys and values are stored as; f32 by default. */
  kvCacheType?: CacheType;
  /** What the SSM states of snapshots are stored as; f32 by default. */
  stateCacheType?: StateType;
  /** Tokens of a segment of keys and values, where not as many as there may be. */
  segmentTokens?: number;
  /** Sizes that were measured on this adapter; `chunkTokens` comes before its own. */
  tuning?: Tuning | null;
  /** Called as pipelines become ready. */
  onCompiled?: (ready: number, total: number) => void;
}

/** What passes over a prompt, or over one token, are made of: see forward.ts. */
export interface PassParts {
  scope: Scope;
  pipelines: PipelineCache;
  /** Embedding, then all blocks; over one token, head and sampler besides. */
  plan: Plan;
  /** Where in the plan the embedding ends, then each block; over one token, then the head. */
  ends: readonly number[];
}

/** A model ready to run: weights on the GPU, plans compiled, one live sequence. */
export class Model {
  readonly gpu: Gpu;
  readonly architecture: Architecture;
  readonly contextLength: number;
  /** Digits of int8 that inputs are rounded to in steps of several sequences; 0 for f32. */
  readonly batchDigits: 0 | Digits;
  /** The live sequence; its buffers are bound in the plans. */
  readonly state: SequenceState;
  readonly #sampler: Sampler;
  readonly #weights: GpuWeights;
  readonly #features: GpuFeatures;
  #ownsWeights = true;
  readonly #buffers: BufferSet;
  readonly #activations: Activations;
  readonly #pipelines: PipelineCache;
  #rope: RopeTable;
  readonly #converter: StateConverter;
  readonly #stateCacheType: StateType;
  /** Logits of the prompt's last token, before penalties: what a snapshot needs to begin another answer. */
  readonly #lastLogits: GPUBuffer;
  /** Of passes over a prompt, without a head. */
  /** As `#prompt`, with activations of f32 where those of `#prompt` are rounded: made when they are first needed. */
  #exactPrompt: Partial<Record<PassLength, PassParts>> = {};
  #prompt!: Readonly<Record<PassLength, PassParts>>;
  #head!: Plan;
  #sample!: Plan;
  /** Of one token, with head and sampler. */
  #step!: PassParts;
  /** Until steps can be submitted; null when they can. */
  #decodeReady: Promise<void> | null = null;

  private constructor(
    gpu: Gpu,
    architecture: Architecture,
    weights: GpuWeights,
    state: SequenceState,
    buffers: BufferSet,
    options: ModelOptions,
  ) {
    this.gpu = gpu;
    this.architecture = architecture;
    this.contextLength = options.contextLength;
    this.batchDigits = options.batchDigits ?? 0;
    this.state = state;
    this.#weights = weights;
    const { chunkTokens: _, ...sizes } = options.tuning ?? {};
    this.#features = { ...gpu.features, ...sizes };
    this.#buffers = buffers;
    const wanted = options.chunkTokens ?? options.tuning?.chunkTokens ?? DEFAULT_CHUNK_TOKENS;
    const largest = largestBinding(gpu.device.limits);
    const chunkTokens = boundTokens(architecture, Math.min(wanted, options.contextLength), largest);
    const { int8Activations = false } = options;
    const { subgroupMatrices } = gpu.features;
    this.#activations = createActivations(wholeBuffers(buffers), architecture, chunkTokens, {
      int8Activations,
      subgroupMatrices,
    });
    this.#sampler = new Sampler(gpu, buffers, this.#activations, architecture.vocabSize);
    this.#lastLogits = buffers.floats('last logits', architecture.vocabSize);
    this.#pipelines = new PipelineCache(gpu.device, shaderLibrary);
    this.#converter = new StateConverter(gpu, this.#features, this.#pipelines, this.#activations.step.buffer);
    this.#stateCacheType = options.stateCacheType ?? 'f32';
    this.#rope = new RopeTable(gpu, architecture.attention ?? {}, state.capacity);
  }

  /**
   * Allocates state and activations, binds, and compiles what the first token of a short prompt takes; what longer prompts
   * and further tokens take goes on compiling, and whoever needs it waits for it. Takes over `weights`: disposing the
   * model disposes them.
   * @throws BambaError `unsupported_model`, `adapter_limit`, `out_of_memory`, `gpu_failure`.
   */
  static async create(
    gpu: Gpu,
    architecture: Architecture,
    weights: GpuWeights,
    options: ModelOptions,
  ): Promise<Model> {
    const { model, ready } = Model.begin(gpu, architecture, weights, options);
    await ready;
    return model;
  }

  /**
   * As `create`, at once: `weights` may arrive while the GPU's programs are compiled. When `ready` rejects, with what
   * `create` throws, the model is disposed of, but for its weights.
   */
  static begin(
    gpu: Gpu,
    architecture: Architecture,
    weights: GpuWeights,
    options: ModelOptions,
  ): { model: Model; ready: Promise<void> } {
    checkArchitecture(architecture);
    const buffers = new BufferSet(gpu.device, 'model');
    const { kvCacheType: cacheType = 'f32', segmentTokens } = options;
    const state = SequenceState.allocate(gpu, architecture, { cacheType, ...(segmentTokens && { segmentTokens }) });
    try {
      const allocated = gpu.guardedNow(
        'allocating the working memory of the model',
        () => new Model(gpu, architecture, weights, state.value, buffers, options),
      );
      const model = allocated.value;
      const built = gpu.guardedNow('preparing the model', () => model.#build(options.onCompiled));
      built.value.catch(() => {}); // heard of below, after what it may come from
      // While others compile.
      model.#rope.fill(model.state.capacity);
      const ready = async () => {
        try {
          // In this order: without memory, nothing that follows is right.
          for (const { accepted } of [state, allocated, built]) await accepted;
          await built.value;
        } catch (error) {
          model.#free();
          throw error;
        }
      };
      return { model, ready: ready() };
    } catch (error) {
      state.value.dispose();
      buffers.dispose();
      throw error;
    }
  }

  /** Tokens of a prefill pass. */
  get chunkTokens(): number {
    return this.#activations.tokens;
  }

  /** Sizes that it runs with. */
  get tuning(): Tuning {
    const { matvecSubgroups = defaultMatvecSubgroups(this.#features), narrowRows } = this.#features;
    return { matvecSubgroups, narrowRows, chunkTokens: this.chunkTokens };
  }

  /**
   * Another model over the same weights, with a sequence of its own, to measure other sizes. It has to be disposed of
   * before this one. @throws BambaError as `create`.
   */
  async sibling(tuning: Tuning): Promise<Model> {
    const { contextLength, batchDigits } = this;
    const int8Activations = this.#activations.quantized !== null;
    const { cacheType: kvCacheType } = this.state;
    const options = { contextLength, int8Activations, batchDigits, kvCacheType, tuning };
    const model = await Model.create(this.gpu, this.architecture, this.#weights, options);
    model.#ownsWeights = false;
    return model;
  }

  /**
   * Puts other bytes in the place of weights, to measure what they change. The live sequence is then of none of both.
   * @param begin in the package's stream. @throws BambaError as `GpuWeights.upload`
   */
  async replaceWeights(begin: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#weights.upload(begin, bytes);
    await this.#weights.finishUploads();
  }

  /** GPU memory of weights, state and activations. */
  get bytes(): { weights: number; state: number; activations: number } {
    const activations = this.#buffers.bytes + this.#rope.bytes;
    return { weights: this.#weights.bytes, state: this.state.bytes, activations };
  }

  /** Dispatches of one decoded token, with labels. */
  get decodeDispatches(): string[] {
    return this.#step.plan.labels;
  }

  #scope(pass: PassLength): Scope {
    return {
      architecture: this.architecture,
      features: this.#features,
      pass,
      weights: this.#weights,
      activations: this.#activations,
      blocks: this.state.blocks,
      rope: this.#rope.angles,
      localRope: this.#rope.localAngles,
      normed: true,
    };
  }

  #bind(specs: readonly DispatchSpec[]): Plan {
    return Plan.bind(this.gpu.device, this.#pipelines, this.#activations.step.buffer, specs);
  }

  /** Binds the parts of a pass, and what comes behind the last. */
  #bindParts(scope: Scope, parts: readonly DispatchSpec[][], behind: readonly DispatchSpec[] = []): PassParts {
    const plan = this.#bind([...parts.flat(), ...behind]);
    return { scope, pipelines: this.#pipelines, plan, ends: endsOf(parts) };
  }

  /** Makes the plans. @returns when a first token can be computed. */
  async #build(onCompiled?: (ready: number, total: number) => void): Promise<void> {
    const prompt = (pass: PassLength): PassParts => {
      const scope = this.#scope(pass);
      return this.#bindParts(scope, promptParts(scope));
    };
    this.#prompt = { short: prompt('short'), long: prompt('long') };
    this.#exactPrompt = {};
    const scope = this.#scope('short');
    const sample = this.#sampler.dispatches(this.#features);
    this.#head = this.#bind(prefillHead(scope));
    this.#sample = this.#bind(sample);
    this.#step = this.#bindParts(scope, stepParts(scope), sample);
    const first = [this.#prompt.short.plan, this.#head, this.#sample];
    const total = first.reduce((sum, plan) => sum + plan.length, 0);
    let compiled = 0;
    const ready = first.map((plan) => plan.ready(() => onCompiled?.(++compiled, total)));
    this.#compileRest();
    await Promise.all(ready);
  }

  /** Compiles what further tokens and long prompts take, behind what the first token takes. */
  #compileRest(): void {
    const decode = async ({ plan }: PassParts) => {
      await plan.ready();
      if (this.#step.plan === plan) this.#decodeReady = null;
    };
    this.#decodeReady = decode(this.#step);
    const prompt = this.promptPass(this.chunkTokens).plan.ready();
    // Whoever needs them waits for them, and hears of it.
    for (const ready of [this.#decodeReady, prompt]) ready.catch(() => {});
  }

  /**
   * Makes room for `tokens` tokens in the live sequence, and waits until steps can be submitted.
   * @throws BambaError `out_of_memory`, `prompt_too_long`, `gpu_failure`.
   */
  async reserve(tokens: number): Promise<void> {
    await this.#makeRoom(tokens);
    await this.#decodeReady;
  }

  async #makeRoom(tokens: number): Promise<void> {
    if (tokens > this.contextLength) {
      throw new BambaError(
        'prompt_too_long',
        `The conversation would have ${tokens} tokens, and the context has room for ${this.contextLength}. ` +
          'Start a new chat or shorten the text.',
      );
    }
    const capacity = this.state.capacityFor(tokens, this.contextLength);
    if (capacity === this.state.capacity) return;
    const rope = await this.#rope.longer(capacity);
    try {
      await this.state.grow(capacity);
    } catch (error) {
      rope.dispose();
      throw error;
    }
    const old = [...this.#plans(), this.#rope];
    this.#rope = rope;
    await this.#build();
    for (const one of old) one.dispose();
  }

  #writeStep(position: number, tokens: number, answered = 0): void {
    writeStep(this.gpu, this.#activations, position, tokens, answered);
  }

  /** Of a pass over so many tokens of a prompt, as it is now: growing the sequence replaces it. */
  promptPass(tokens: number): PassParts {
    return this.#prompt[passLength(tokens)];
  }

  /** As `promptPass`, with activations of f32. */
  #exactPass(tokens: number): PassParts {
    const { quantized, quantizedInt16 } = this.#activations;
    if (!quantized && !quantizedInt16) return this.promptPass(tokens);
    const pass = passLength(tokens);
    const made = this.#exactPrompt[pass];
    if (made) return made;
    const scope = this.#scope(pass);
    const exact = { ...scope, activations: { ...scope.activations, quantized: null, quantizedInt16: null } };
    return (this.#exactPrompt[pass] = this.#bindParts(exact, promptParts(exact)));
  }

  /** As `promptPass`, of one decoded token. */
  get stepPass(): PassParts {
    return this.#step;
  }

  /**
   * Runs tokens through the model, in chunks, appending them to the live sequence.
   * @param options.logits whether the logits of the last token are wanted, as `beginAnswer` needs them.
   * @param options.exact whether activations are f32 whatever prompts have, as those of decoded tokens are.
   * @param options.onChunk called when a chunk is done, with the number of tokens so far.
   * @param options.cuts numbers of tokens, in order, after which a chunk ends.
   * @param options.onCut called there: what it submits sees the live sequence of just these tokens, and the next chunk waits
   * for it.
   * @param options.between called between two chunks; where it says so with a promise, the next chunk waits for it. The live
   * sequence may be another one meanwhile, and is to be the same again then.
   * @throws BambaError `aborted` between chunks; the state is then that of the chunks that ran. What `onCut` and
   * `between` throw.
   */
  async prefill(
    ids: readonly number[],
    options: {
      logits?: boolean;
      exact?: boolean;
      signal?: AbortSignal;
      onChunk?: (tokens: number) => void;
      cuts?: readonly number[];
      onCut?: (tokens: number) => Promise<unknown>;
      between?: () => Promise<void> | null;
    } = {},
  ): Promise<void> {
    const { device } = this.gpu;
    const { cuts = [], exact = false } = options;
    const chunks = chunksOf(ids.length, this.chunkTokens, cuts);
    await this.#makeRoom(this.state.position + ids.length);
    const passOf = (tokens: number) => (exact ? this.#exactPass(tokens) : this.promptPass(tokens));
    const compiled = () => Promise.all(chunks.map(([first, end]) => passOf(end - first).plan.ready()));
    await compiled();
    let running: Promise<void> = Promise.resolve();
    for (const [first, end] of chunks) {
      if (options.signal?.aborted) break;
      const chunk = ids.slice(first, end);
      this.#writeStep(this.state.position, chunk.length);
      device.queue.writeBuffer(this.#activations.ids.buffer, 0, new Uint32Array(chunk));
      const { plan } = passOf(chunk.length);
      const rest = plan.submitAhead(chunk.length);
      const encoder = device.createCommandEncoder({ label: 'prefill' });
      const isLast = end === ids.length;
      const pass = encoder.beginComputePass();
      plan.record(pass, chunk.length, rest);
      if (options.logits && isLast) this.#head.record(pass, chunk.length);
      pass.end();
      if (options.logits && isLast) {
        const { buffer, size } = this.#activations.logits;
        encoder.copyBufferToBuffer(buffer, 0, this.#lastLogits, 0, size);
      }
      device.queue.submit([encoder.finish()]);
      this.state.tokens.push(...chunk);
      // One chunk runs while the next is recorded; more would make aborting slow.
      await running;
      running = this.gpu.done().then(() => options.onChunk?.(end));
      running.catch(() => {}); // what a cut throws comes first
      if (isLast) break;
      if (cuts.includes(end)) await options.onCut?.(end);
      const wait = options.signal?.aborted ? null : options.between?.();
      if (!wait) continue;
      await wait;
      // Other sequences may have made this one's room larger, and the plans new.
      await compiled();
    }
    await running;
    this.gpu.check();
    if (options.signal?.aborted) throw new BambaError('aborted', 'The prompt was not finished: it was aborted.');
  }

  /**
   * Samples the first token of an answer, or the next one of an answer that was interrupted, from the logits that
   * `prefill` or `restore` left. `decode` or `decodeStep` goes on.
   * @throws BambaError `setting_invalid`; the promise as `decode`.
   */
  beginAnswer(settings: AnswerSettings, step: StepOptions = {}): Promise<StepReport> {
    const { device } = this.gpu;
    this.#sampler.begin(settings);
    if (step.mask) this.#sampler.allow(step.mask);
    // The sampler moves the position on by the tokens of the pass: the last token of the prompt is that pass.
    this.#writeStep(this.state.position - 1, 1, settings.answered?.length);
    const encoder = device.createCommandEncoder({ label: 'first token' });
    const { buffer, size } = this.#activations.logits;
    encoder.copyBufferToBuffer(this.#lastLogits, 0, buffer, 0, size);
    const logits = step.logits ? this.#sampler.copyLogits(encoder, slice(this.#lastLogits)) : null;
    const pass = encoder.beginComputePass();
    this.#sample.record(pass, 1);
    pass.end();
    return this.#submit(encoder, logits);
  }

  /**
   * Submits one step that is waited for: the next one is given a mask that depends on its token, or its logits are
   * read back. @returns and throws as `decode`.
   */
  async decodeStep(step: StepOptions): Promise<StepReport> {
    if (this.#decodeReady) await this.#decodeReady;
    if (step.mask) this.#sampler.allow(step.mask);
    const { plan } = this.#step;
    const end = plan.length - this.#sample.length;
    const rest = plan.submitAhead(1, 0, end);
    const encoder = this.gpu.device.createCommandEncoder({ label: 'decode step' });
    // The sampler changes the logits in place: to be read as the model left them, they are copied in between.
    const model = encoder.beginComputePass();
    plan.record(model, 1, rest, end);
    model.end();
    const logits = step.logits ? this.#sampler.copyLogits(encoder, this.#activations.logits) : null;
    const sampling = encoder.beginComputePass();
    plan.record(sampling, 1, end);
    sampling.end();
    return this.#submit(encoder, logits);
  }

  async #submit(
    encoder: GPUCommandEncoder,
    logits: (() => Promise<Float32Array<ArrayBuffer>>) | null,
  ): Promise<StepReport> {
    const report = this.#sampler.report(encoder);
    this.gpu.device.queue.submit([encoder.finish()]);
    const [account, values] = await Promise.all([report(), logits?.() ?? null]);
    return { ...account, logits: values };
  }

  /**
   * Submits `count` steps, each fed by the choice of the one before on the GPU. After the answer has ended, steps change
   * nothing. The caller reserves room first, and tells `state.tokens` what the reports say.
   * @returns the sampler's account after these steps. @throws BambaError `device_lost`, `gpu_failure`.
   */
  async decode(count: number): Promise<SamplerReport> {
    if (this.#decodeReady) await this.#decodeReady;
    const { device } = this.gpu;
    const { plan } = this.#step;
    // A step of its own may be waited for: its first slice is computed while the next is recorded.
    const rest = count === 1 ? plan.submitAhead(1) : 0;
    const encoder = device.createCommandEncoder({ label: 'decode' });
    const pass = encoder.beginComputePass();
    plan.record(pass, 1, rest);
    for (let index = 1; index < count; index++) plan.record(pass, 1);
    pass.end();
    const report = this.#sampler.report(encoder);
    device.queue.submit([encoder.finish()]);
    return report();
  }

  /** What the answer of the live sequence is sampled with. */
  get answering(): { activations: Activations; sampler: Sampler } {
    return { activations: this.#activations, sampler: this.#sampler };
  }

  /** Where the logits of the prompt's last token are. */
  get promptLogits(): GPUBuffer {
    return this.#lastLogits;
  }

  /**
   * Fills the live sequence from elsewhere. @param write fills its buffers, which have room for `tokens`; where it fails,
   * the sequence is an empty one.
   * @throws BambaError `out_of_memory`, `prompt_too_long`; what `write` throws.
   */
  async adopt(tokens: readonly number[], write: () => Promise<void>): Promise<void> {
    await this.#makeRoom(tokens.length);
    this.state.reset();
    try {
      await write();
    } catch (error) {
      this.state.reset();
      throw error;
    }
    this.state.tokens = [...tokens];
  }

  /** Bytes of GPU memory that a snapshot of the live sequence takes. */
  snapshotBytes(options: SnapshotOptions = {}): number {
    const types = { cacheType: this.state.cacheType, stateType: this.#stateCacheType };
    return Snapshot.bytesOf(this.architecture, this.state.position, types, options);
  }

  /**
   * A copy of the live sequence. With logits, it is to be as `prefill` with logits left it, and `beginAnswer` may follow
   * when it is restored. @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  async snapshot({ logits = true }: SnapshotOptions = {}): Promise<Snapshot> {
    const conversion = { converter: this.#converter, stateType: this.#stateCacheType };
    return Snapshot.take(this.gpu, this.state, logits ? this.#lastLogits : null, conversion);
  }

  /**
   * Another sequence of this model becomes what the live one is, or a third one; it has room for it.
   * @param scratch as of `SequenceState.restore`
   * @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  copyInto(state: SequenceState, from = this.state, scratch?: GPUBuffer): Promise<void> {
    return state.restore(from, this.#converter, scratch);
  }

  /**
   * The live sequence becomes what another sequence of this model is.
   * @throws BambaError `out_of_memory`, `prompt_too_long`, `gpu_failure`.
   */
  async copyFrom(state: SequenceState): Promise<void> {
    await this.#makeRoom(state.position);
    await this.state.restore(state, this.#converter);
  }

  /** The live sequence becomes that of the snapshot. @throws BambaError `out_of_memory`, `gpu_failure`. */
  async restore(snapshot: Snapshot): Promise<void> {
    await this.#makeRoom(snapshot.state.position);
    await snapshot.restore(this.gpu, this.state, this.#lastLogits, this.#converter);
  }

  /** Frees everything of the model, its weights included where they are its own. Idempotent. */
  dispose(): void {
    this.#free();
    if (this.#ownsWeights) this.#weights.dispose();
  }

  /** All of them: none where making the model failed. */
  #plans(): Plan[] {
    const made: (Plan | undefined)[] = [
      this.#prompt?.short.plan,
      this.#prompt?.long.plan,
      this.#exactPrompt.short?.plan,
      this.#exactPrompt.long?.plan,
      this.#head,
      this.#sample,
      this.#step?.plan,
    ];
    return made.filter((plan) => plan !== undefined);
  }

  #free(): void {
    for (const plan of this.#plans()) plan.dispose();
    this.state.dispose();
    this.#rope.dispose();
    this.#buffers.dispose();
  }
}

/** Where each part of a list of parts ends. */
function endsOf(parts: readonly (readonly DispatchSpec[])[]): number[] {
  let end = 0;
  return parts.map((specs) => (end += specs.length));
}

/**
 * Tells the kernels of the next pass where it begins, and how many tokens it has.
 * @param answered tokens of the answer so far: the place in the sampler's sequence of random numbers
 */
export function writeStep(
  gpu: Gpu,
  { step }: Pick<Activations, 'step'>,
  position: number,
  tokens: number,
  answered = 0,
): void {
  gpu.device.queue.writeBuffer(step.buffer, step.offset, new Uint32Array([position, tokens, 0, answered]));
}
