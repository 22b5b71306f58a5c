// The types that cross between the page and the engine's worker: plain data, nothing with behaviour.

import type { CacheMiss } from '../generate/state-cache.ts';
import type { SamplingSettings } from '../sampling.ts';
import type { Tool, ToolCall } from '../text/tool-call.ts';
import type { Tuning, TuningReport, TuningTrial } from '../model/tuning.ts';
import type { ErrorCode } from '../errors.ts';
import type { RopeScaling } from '../architecture/rope-scaling.ts';
import type { Scheme } from '../weights/types.ts';

export type { CacheMiss } from '../generate/state-cache.ts';
export type { SamplingSettings } from '../sampling.ts';
export type { Tool, ToolCall } from '../text/tool-call.ts';
export type { RopeScaling } from '../architecture/rope-scaling.ts';
export type { Scheme } from '../weights/types.ts';
export type { Availability, StoredModel, StoredState } from './model-types.ts';
export type { Tuning, TuningReport, TuningTrial };

/** One message of a chat, as chat templates take it. */
export interface ChatMessage {
  /** Who says it. */
  role: 'system' | 'user' | 'assistant' | 'tool';
  /** What is said. May be empty where the assistant called tools. */
  content: string;
  /** In the assistant's messages: its calls. */
  toolCalls?: readonly ToolCall[];
  /** In a tool's messages: the call that it answers. */
  toolCallId?: string;
  /** In a tool's messages: the tool's name; some templates show it. */
  name?: string;
}

/** A request: the input, and how the answer is drawn and ends. Exactly one of `messages` and `prompt` is given. */
export interface GenerationRequest extends SamplingSettings {
  /** A chat, rendered by the model's own chat template. */
  messages?: readonly ChatMessage[];
  /** Plain text to continue, or its token ids. */
  prompt?: string | readonly number[];
  /** The tools that the model may call, for models whose chat template shows tools. */
  tools?: readonly Tool[];
  /** Whether it calls one: as it likes (the default), not at all, at least one, or the one that is named. */
  toolChoice?: 'auto' | 'none' | 'required' | { name: string };
  /**
   * Go on with the last message, which is the assistant's and unfinished, instead of answering it: the answer is what
   * follows its content. For an answer that was stopped, or to give an answer its first words. Default false.
   */
  continueLast?: boolean;
  /**
   * Read the messages up to the end of the last one, and answer nothing. Later requests that go on from them do not
   * wait for them, in any conversation. Default false.
   */
  readAhead?: boolean;
  /**
   * Names the conversation that this is a turn of, in at most 200 characters. Its state is kept in this browser once
   * the engine is idle. After a reload, or in another tab, its next turn processes its own tokens only. See
   * `deleteStoredStates`. Default: nothing is kept.
   */
  conversation?: string;
  /** Hold the answer to JSON: an object, or what a JSON Schema allows. Not while tools may be called. */
  json?: { schema?: unknown };
  /**
   * Hold the answer to a regular expression, the source of one of JavaScript's, which matches the whole of it. Not beside
   * `json`, nor while tools may be called.
   */
  pattern?: string;
  /** For each token its log-probability, and those of so many likeliest ones, 0 to 20. */
  logprobs?: number;
  /**
   * For each token of the prompt its log-probability, and those of so many likeliest ones, 0 to 20: see the event `prompt`.
   * The whole prompt is read for it, whatever of it is known.
   */
  promptLogprobs?: number;
  /**
   * At most this many tokens; default: as many as the context has room for. With 0 the prompt is read and nothing is
   * answered: a request that begins with it does not wait for that.
   */
  maxTokens?: number;
  /**
   * What happens when a chat leaves no room for its answer. By default it is refused with `prompt_too_long`. Otherwise
   * the model does not read its oldest turns: a question with all messages until the next one. The system prompt and
   * the last turn always stay, and `Usage.droppedTurns` counts those that do not.
   */
  contextOverflow?: 'refuse' | 'drop-oldest-turns';
  /** Stop before any of these strings would appear in the answer. */
  stop?: string | string[];
}

/** Why an answer ended: by itself or at a stop string, at a limit of tokens, or because it was aborted. */
export type FinishReason = 'stop' | 'length' | 'abort';

/** A token, and the natural logarithm of the probability that the model itself gave it, before any setting. */
export interface TokenLogprob {
  /** Of the token, in the model's vocabulary. */
  id: number;
  /** Its text; half a character shows as U+FFFD. */
  token: string;
  /** The bytes of its text; null where tokens of this model do not stand for bytes. */
  bytes: number[] | null;
  /** At most 0. */
  logprob: number;
}

/** A token of the answer with the likeliest ones in its place, likeliest first. */
export interface ChosenLogprob extends TokenLogprob {
  /** As many as were asked for. */
  top: TokenLogprob[];
}

/** A token of the prompt with the likeliest ones in its place; nothing predicts the first one. */
export interface PromptLogprob extends Omit<ChosenLogprob, 'logprob'> {
  /** At most 0; null of the first token. */
  logprob: number | null;
}

/** Counts and speeds of one answer. */
export interface Usage {
  /** Tokens of the prompt. */
  promptTokens: number;
  /** The prompt's tokens that were in the kept state already and were not processed again. */
  cachedTokens: number;
  /** Tokens of the answer. */
  completionTokens: number;
  /** Seconds from the request to the first token. */
  timeToFirstTokenS: number;
  /** Tokens of the prompt a second, of those that were processed. */
  prefillTokensPerS: number;
  /** Tokens of the answer a second, after the first. */
  decodeTokensPerS: number;
  /** Why tokens that were known once were processed again; absent where none were, or too few to take any time. */
  cacheMiss?: CacheMiss;
  /** Oldest turns of the chat that the model did not read, where `contextOverflow` allows that; absent where it read all. */
  droppedTurns?: number;
  /** The share of drafts that were right, from 0 to 1; absent where there were none. See `EngineOptions.speculation`. */
  acceptance?: number;
}

/**
 * The events of a generation, in order: prefill events, the prompt where it is asked for, text and calls of tools, one
 * end.
 */
export type GenerationEvent =
  /** So many tokens of the prompt are processed. */
  | { type: 'prefill'; processed: number; total: number }
  /** The prompt as the model read it, with its special tokens, where `promptLogprobs` asks for it. */
  | { type: 'prompt'; text: string; logprobs: PromptLogprob[] }
  /** A part of the answer. `ids` are the tokens so far that were not named yet; their text may come later. `logprobs`, if asked for, are theirs, without an id that ends the answer. */
  | { type: 'text'; text: string; ids: number[]; logprobs?: ChosenLogprob[] }
  /** A call, once it is whole. */
  | { type: 'toolCall'; call: ToolCall }
  /** A sentence for people, told once: that states of conversations cannot be kept, because the disk is full. */
  | { type: 'notice'; message: string }
  /** The last event. `logprob`, if asked for, is that of the token that ended the answer, where one did. */
  | { type: 'end'; finishReason: FinishReason; usage: Usage; logprob?: ChosenLogprob };

/** What loading is at. */
export type LoadStage =
  /** What the model is, is being read. */
  | 'manifest'
  /** Another tab is downloading the model; its progress is shown until it is done or gone. */
  | 'waiting'
  /** Weights come from the network or from storage, and go to the GPU. */
  | 'weights'
  /** The GPU's programs are made. */
  | 'compile'
  /** The model can answer. */
  | 'ready';

/**
 * How far loading is. Bytes for `weights` and `waiting`, pipelines for `compile`. Bytes are those that are downloaded: of
 * a package's shards, or of a checkpoint's tensors.
 */
export interface LoadProgress {
  /** What loading is at. */
  stage: LoadStage;
  /** Bytes or pipelines, so far. */
  loaded: number;
  /** Bytes or pipelines, in all; 0 while unknown. */
  total: number;
  /**
   * All stages together, from 0 to 1, by bytes and the time that the rest is known to take: what a bar shows. It never goes
   * back, and is 1 when the model can answer, not before.
   */
  progress: number;
  /** A sentence for people, where something is not as usual: a server that is busy, a model that changed. */
  message?: string;
  /** The source of the weights at the moment. */
  source: 'network' | 'storage';
  /** Over the last seconds; 0 while unknown. */
  bytesPerSecond: number;
  /** Infinity while unknown. */
  secondsLeft: number;
}

/** A question to begin with; in a list, with the questions that follow on it, each once the one before is answered. */
export type Suggestion = string | readonly [question: string, ...then: string[]];

/** The loaded model, and the adapter that runs it. */
export interface EngineInfo {
  /** The model. */
  model: {
    /** By its package or repository. */
    name: string;
    /** How many it has. */
    parameters: number;
    /** Scheme of the projections: f32, f16, int8, fp8, int4. */
    scheme: string;
    /** The bytes of the weights on the GPU. */
    bytes: number;
    /** Tokens of prompt and answer together, at most. */
    contextLength: number;
    /** Tokens that the model's config allows, where `contextLength` is more: what follows them may be nonsense. */
    configLength?: number;
    /** Whether it takes chats; else it only continues text. */
    hasChatTemplate: boolean;
    /**
     * The token before a text that has nothing before it: `bos_token` of its tokenizer, else `eos_token`. Absent where the
     * tokenizer names neither.
     */
    beginId?: number;
    /** Questions that show what it is good at, where its package has some. */
    suggestions?: readonly Suggestion[];
    /** The GPU memory of a conversation. Not of engines that a page brings. */
    context?: {
      /** The type that keys and values are stored in. */
      kvCacheType: 'f32' | 'f16' | 'int8';
      /** Bytes that do not depend on its length. */
      fixedBytes: number;
      /** Bytes that each of its tokens adds; 0 without attention. */
      tokenBytes: number;
    };
  };
  /** The GPU, as the browser names it; names may be empty. */
  adapter: {
    /** Who made it. */
    vendor: string;
    /** Its family. */
    architecture: string;
    /** Its name, where the browser tells it. */
    description: string;
    /** Those of `f16`, `subgroups` and `timestamps` that it has, and `subgroupMatrices` where that option found some. */
    features: string[];
    /** Whether the model runs with sizes that `tune` found on this adapter. */
    tuned: boolean;
  };
  /** Requests that are answered at once, at most; absent where one waits for the other. See `EngineOptions.batch`. */
  atOnce?: number;
  /**
   * Where drafts of a single answer come from. Absent where there are none: by that option, or because steps of this family
   * cannot go over several tokens. See `EngineOptions.speculation`.
   */
  speculation?: 'lookup';
  /** The model's own defaults, from `generation_config.json`, completed by neutral values. */
  sampling: Required<Omit<SamplingSettings, 'seed' | 'logitBias'>>;
  /**
   * Sentences for people on values of the model's files that could not be used. An example: `In generation_config.json
   * top_k is -1, but takes a whole number from 0 to 1000000; 0 counts in its place.`
   */
  warnings: readonly string[];
}

/** What `createEngine` loads, and how. */
export interface EngineOptions {
  /**
   * What to load, one of
   *
   * - `org/name`: a repository of the Hugging Face Hub, or of the server `endpoint`;
   * - a URL of a folder, of a package (`manifest.json`) or a checkpoint (`config.json` and safetensors). A relative URL
   *   is taken from the page. It begins or ends with a slash, or begins with a dot: `/models/lexicon/`, `./lexicon`;
   * - a URL of a GGUF file, which ends in `.gguf`; a repository that has one such file and no safetensors is loaded by name;
   * - any name for `files`, under which they are kept; `device:NAME` loads them again without the files.
   */
  model: string;
  /** Branch, tag or commit of a repository; default `main`. The commit that it points to is pinned. */
  revision?: string;
  /** How the matrices of a checkpoint are stored; default `int8`. A package is of the type that it has. */
  dtype?: Scheme;
  /** Access token of the Hub, for repositories that ask for one. Sent to `endpoint` alone, and not kept. */
  token?: string;
  /** A server that speaks the Hub's paths; default `https://huggingface.co`. */
  endpoint?: string;
  /** A checkpoint, a package or a GGUF file on the user's disk: files from an `<input>`, or a folder from `showDirectoryPicker()`. */
  files?: readonly File[] | FileSystemDirectoryHandle;
  /**
   * Address of the worker's own file, `bamba-web/worker`, for pages whose Content-Security-Policy does not allow workers
   * from blobs; on the page's origin. Default: the worker that is inlined in the library.
   */
  worker?: string | URL;
  /**
   * Tokens of prompt and answer together; by default those that the model's config allows, up to 32,768. More than the
   * config allows is computed as well, with a message to `onProgress` and `info.model.configLength`. Memory grows only as it
   * is used.
   */
  contextLength?: number;
  /**
   * Scales the positions of attention for a longer context than the model was trained on, in the place of what its config
   * says. `contextLength` is then up to `factor` times as long by default. States that were kept under another scaling
   * are not used.
   */
  ropeScaling?: RopeScaling;
  /**
   * How exact the engine computes.
   *
   * - `balanced`, the default: as fast as it can be without a measured change of any answer. Where weights are int8 or
   *   int4 and the GPU is quick with bytes, prompts are read with activations of int8. Where the browser offers
   *   subgroup matrices, they are read with these and activations of 16 bits: Chromium does behind
   *   chrome://flags/#enable-unsafe-webgpu, and `info.adapter.features` then has `subgroupMatrices`. Keys and values
   *   are f16.
   * - `exact`: all but the weights is f32.
   * - `fast`: as `balanced`, with keys and values of int8, and states of earlier prompts of f16, which take less memory.
   *
   * Weights stay what the model has. An answer that decodes alone computes in f32 with each. Answers that decode in one step
   * multiply inputs of 16 bits under `balanced`, and of 8 bits under `fast`, where weights are int8 or int4 and the GPU is
   * quick with bytes. 16 bits changed logits of test models by a 900th of the largest at most, and no token; 8 bits may
   * change tokens.
   */
  precision?: 'balanced' | 'exact' | 'fast';
  /**
   * Bytes of GPU memory for the states of earlier prompts. With them, a further or an edited question does not wait
   * until the whole chat is read again. States that are used least and save the least go first; 0 keeps none. The
   * default is the size of the weights, at least 16 MiB, and at most 256 MiB or an eighth of the adapter's largest
   * buffer.
   */
  stateCacheBytes?: number;
  /**
   * Bytes of this browser's storage for states of conversations that requests name: see `conversation`. The oldest go first;
   * 0 keeps none. By default a quarter of what the browser has left, but no more than 1 GiB.
   */
  storedStateBytes?: number;
  /**
   * The type that keys and values of attention are stored in. f16 takes half the memory of f32, and int8 somewhat more
   * than a quarter: blocks of 32 numbers, with a scale each. Default: that of `precision`.
   */
  kvCacheType?: 'f32' | 'f16' | 'int8';
  /**
   * The type that the recurrent states of those earlier prompts are stored in. f16 takes half the memory of f32, so
   * that about twice as many are kept. An answer that goes on from one is a little less exact. Default: that of
   * `precision`.
   */
  stateCacheType?: 'f32' | 'f16';
  /**
   * How several requests are answered at once: those of several elements, tabs or calls, and answers with `n` above 1. A
   * single answer costs what it costs without.
   */
  batch?: BatchOptions;
  /**
   * Where drafts of an answer come from. `lookup`: where its last 8 tokens stood before, in the prompt or in the answer, what
   * came behind them is the draft, and one step verifies several tokens of it. So an answer that repeats text comes sooner: a
   * paragraph with changes, code with a fix. Its tokens are those that it has without, whatever the sampling settings are.
   * Where drafts turn out wrong, none are made for a while. There are none in answers that are held to a grammar or ask for
   * log-probabilities, in answers that go beside others, and for families that `info.speculation` is absent of. It takes
   * memory once there is a first draft. Default `lookup`.
   */
  speculation?: 'lookup' | 'off';
  /**
   * Whether tabs of this site use one engine together, so that the weights are on the GPU once. They need the same
   * model, the same options and the same version of this library. Requests of all of them are answered as those of
   * one. When the tab that has the engine is closed, another one loads it, and answers go on where they were. Tabs
   * cannot share in browsers without Web Locks, with `files`, and where the other tab does not answer. Each then loads
   * an engine of its own, and a message to `onProgress` says so. Off by default.
   */
  shareAcrossTabs?: boolean;
  /** Hears how far loading is. */
  onProgress?: (progress: LoadProgress) => void;
  /** Aborts loading. */
  signal?: AbortSignal;
}

/** How several requests are answered at once. */
export interface BatchOptions {
  /**
   * Answers that go at once, at most, 1 to 16. The weights are read once for all of them; each takes the memory of a
   * conversation, `info.model.context`, from the second one on, and gives it back half a minute later. Requests beyond
   * them wait, first come, first served. So do those that there is no memory for. 1 answers one after the other. Default 8.
   */
  most?: number;
  /**
   * Chunks of a prompt, of 256 tokens or less, that are read between two steps of the answers under way. More of them
   * begin an answer sooner, and make the others stall longer. Prompts that wait are read in turn. Default 1.
   */
  chunksPerStep?: number;
}

/** How far tuning is. */
export interface TuningProgress {
  /** The last size that was tried. */
  trial: TuningTrial;
  /** Trials so far. */
  done: number;
  /** Trials in all. */
  total: number;
}

/** What tuning found. */
export interface TuningResult extends TuningReport {
  /** Whether it is kept for the next load; not where the browser keeps nothing. */
  kept: boolean;
}

/** How an engine is tuned. */
export interface TuneEngineOptions {
  /** Told after each trial. */
  onProgress?: (progress: TuningProgress) => void;
  /** Ends tuning, and nothing is kept of it; while it waits for its turn, takes it back. */
  signal?: AbortSignal;
  /** Whether it waits for requests that came before it; else it fails with `busy` beside them. Default true. */
  queue?: boolean;
}

/** How a request is answered. */
export interface GenerateOptions {
  /** Stops the answer, which then ends with the reason `abort`; while the request waits for its turn, takes it back. */
  signal?: AbortSignal;
  /**
   * Whether the request goes beside those that came before it, or waits for them; else it fails with `busy` while there are
   * any. Default true.
   */
  queue?: boolean;
}

/** The state of an engine that lost its GPU or its worker. */
export interface EngineStatus {
  /** It is being made again; it answers again; it does not, and requests fail until the model is loaded anew. */
  status: 'recovering' | 'ready' | 'failed';
  /** Which try it is, from 1 on. */
  attempt: number;
  /** The kind of loss, for programs: `device_lost`, `worker_failed`, `out_of_memory`, `gpu_failure`. */
  reason: ErrorCode;
  /** A sentence for people. */
  message: string;
  /** While the model is loaded again: how far that is, from 0 to 1. */
  progress?: number;
}

/** An engine that answers. A page may bring one of its own: adapters and `<bamba-chat>` need no more of it. */
export interface Engine {
  /** The loaded model, and the adapter that runs it. */
  readonly info: EngineInfo;
  /**
   * Answers one request, streaming. Up to `info.atOnce` requests are answered at once; others wait, first come, first
   * served. Leaving the loop early
   * or aborting `signal` stops generation; the kept state is then exactly that of the tokens that were yielded.
   * @param options what stops the answer, and whether it waits for others
   * @throws BambaError `setting_invalid`, `prompt_empty`, `prompt_too_long`; `busy` with `queue: false` while another
   * request runs. `aborted` where `signal` took the request back before its turn came, or where a stopped GPU did not
   * finish within seconds. `worker_failed` where the worker did not answer when it was asked to stop. That too,
   * `device_lost`, `webgpu_unavailable`, `out_of_memory` or `gpu_failure` where worker or GPU broke down and several
   * tries failed: create another engine then.
   */
  generate(request: GenerationRequest, options?: GenerateOptions): AsyncIterable<GenerationEvent>;
  /**
   * Hears when the engine loses its GPU or its worker, and what becomes of it: it comes back by itself, and answers go on.
   * @returns ends that
   */
  onStatus?(listener: (status: EngineStatus) => void): () => void;
  /** Frees the GPU and ends the worker, within two seconds and whatever it does. Idempotent. */
  dispose(): Promise<void>;
}

/** How a chat or a text is made into tokens. */
export interface TokenizeOptions {
  /** The tools that the model may call; they take room in a chat. */
  tools?: readonly Tool[];
  /** As that of a request; of chats. */
  continueLast?: boolean;
  /** As that of a request; of chats. */
  readAhead?: boolean;
  /** Whether a text gets what the tokenizer puts around texts, as that of a request does. Default true. */
  addSpecialTokens?: boolean;
  /** Ends it. */
  signal?: AbortSignal;
}

/** How tokens are made into text. */
export interface DetokenizeOptions {
  /** Whether tokens that are no text, such as the end of a message, are left out; else they are spelled. Default false. */
  skipSpecialTokens?: boolean;
  /** Ends it. */
  signal?: AbortSignal;
}

/** An engine that tells what texts are to its model. It does so beside an answer, too: none of it waits for the GPU. */
export interface TokenizingEngine extends Engine {
  /**
   * Tokens that a request would have the model read.
   *
   * ```ts
   * const room = engine.info.model.contextLength - (await engine.countTokens(messages));
   * ```
   * @param input a chat, as `messages`, or a text, as `prompt`; it may be empty
   * @throws BambaError `template_failed`, `setting_invalid`, `aborted`, `disposed`, `worker_failed`
   */
  countTokens(input: string | readonly ChatMessage[], options?: TokenizeOptions): Promise<number>;
  /**
   * The ids of the tokens that the model would read for a request. They include those of the chat template, or those
   * that the tokenizer puts around a text.
   *
   * ```ts
   * for await (const event of engine.generate({ prompt: await engine.tokenize(messages) })) show(event);
   * ```
   * @param input as that of `countTokens`
   * @throws BambaError as `countTokens`
   */
  tokenize(input: string | readonly ChatMessage[], options?: TokenizeOptions): Promise<number[]>;
  /**
   * The text of tokens. Bytes that form no character give U+FFFD, ids beyond the vocabulary nothing.
   *
   * ```ts
   * await engine.detokenize(await engine.tokenize('An apple'), { skipSpecialTokens: true }); // 'An apple'
   * ```
   * @param ids whole numbers from 0 on
   * @throws BambaError `setting_invalid`, `aborted`, `disposed`, `worker_failed`
   */
  detokenize(ids: readonly number[], options?: DetokenizeOptions): Promise<string>;
}

/** An engine that can be tuned, as `createEngine` makes one. */
export interface TunableEngine extends TokenizingEngine {
  onStatus(listener: (status: EngineStatus) => void): () => void;
  /**
   * Runs the loaded model with each of the sizes that adapters differ in. That takes some seconds on a GPU, in which
   * the engine answers nothing. The fastest are kept in IndexedDB for this adapter and this version, and models that
   * are loaded from then on have them. It runs when it is called, never by itself; what is loaded, and the chat that it
   * knows, stay as they are.
   *
   * ```ts
   * const { tuning, kept } = await engine.tune({ onProgress: ({ done, total }) => console.log(`${done} of ${total}`) });
   * ```
   * @param options who is told how far it is, and what ends it
   * @throws BambaError `busy` with `queue: false` while something else runs; `setting_invalid` for a context of less than 512
   * tokens; `aborted`, `disposed`, `out_of_memory`, `device_lost`, `gpu_failure`, `worker_failed`.
   */
  tune(options?: TuneEngineOptions): Promise<TuningResult>;
}

/** A conversation whose state came from elsewhere. */
export interface MovedState {
  /** The messages of the chat. */
  messages: readonly ChatMessage[];
  /** Those that need not be processed again. */
  tokens: number;
}

/** An engine whose states can be taken elsewhere, as `createEngine` makes one. Sessions are made of it. */
export interface StateEngine extends TunableEngine {
  /**
   * The state of a chat as bytes: for `importState`, here or on another machine with the same package. Messages that the
   * engine does not know are read first.
   * @param messages they go along
   * @param options `signal` takes it back
   * @throws BambaError `busy`, `prompt_empty`, `prompt_too_long`, `template_failed`, `setting_invalid`, `aborted`, `disposed`,
   * `worker_failed`, `device_lost`, `out_of_memory`
   */
  exportState(messages: readonly ChatMessage[], options?: { signal?: AbortSignal }): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Imports the state of a chat that was exported. A request that goes on from it processes its own tokens only.
   * @param bytes of `exportState`; they stay as they are
   * @param options as those of `exportState`
   * @throws BambaError `state_invalid` for bytes that are damaged, cut short, or of another model, scheme or version,
   * with nothing changed; `setting_invalid` for other values than bytes; others as `exportState`
   */
  importState(bytes: Uint8Array, options?: { signal?: AbortSignal }): Promise<MovedState>;
}
