// The types that cross between the page and the engine's worker: plain data, nothing with behaviour.

/** One message of a chat, as chat templates take it. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** How the next token is chosen. Every field is optional; the model's `generation_config.json` gives the defaults. */
export interface SamplingSettings {
  /** 0 takes the likeliest token; above 0 samples. At most 100. */
  temperature?: number;
  /** Keep the k likeliest tokens (ties kept); 0 keeps all. */
  topK?: number;
  /** Keep the smallest set of likeliest tokens whose probabilities reach this sum; in (0, 1]. */
  topP?: number;
  /** Keep tokens at least this fraction as likely as the likeliest; in [0, 1]. */
  minP?: number;
  /** Divides positive and multiplies negative logits of tokens in prompt and answer; above 0, 1 is neutral. */
  repetitionPenalty?: number;
  /** Subtracted once from the logit of every token of the answer so far; in [-2, 2]. */
  presencePenalty?: number;
  /** Subtracted from a token's logit for each time the answer has it; in [-2, 2]. */
  frequencyPenalty?: number;
  /** Added to the logits of these token ids; each in [-100, 100]. */
  logitBias?: Record<number, number>;
  /** Seed of the sampler, an integer in [0, 2^32); the same seed and prompt give the same answer on the same device. */
  seed?: number;
}

/** What to answer, and when to stop. Exactly one of `messages` and `prompt` is given. */
export interface GenerationRequest extends SamplingSettings {
  /** A chat, rendered by the model's own chat template. */
  messages?: ChatMessage[];
  /** Plain text to continue. */
  prompt?: string;
  /** At most this many tokens; default: as many as the context has room for. */
  maxTokens?: number;
  /** Stop before any of these strings would appear in the answer. */
  stop?: string | string[];
}

export type FinishReason = 'stop' | 'length' | 'abort';

/** Counts and speeds of one answer. */
export interface Usage {
  promptTokens: number;
  /** Of the prompt, those that were in the kept state already and were not processed again. */
  cachedTokens: number;
  completionTokens: number;
  timeToFirstTokenS: number;
  prefillTokensPerS: number;
  decodeTokensPerS: number;
}

/** What a generation yields, in order: prefill events, text events, one end. */
export type GenerationEvent =
  | { type: 'prefill'; processed: number; total: number }
  | { type: 'text'; text: string; ids: number[] }
  | { type: 'end'; finishReason: FinishReason; usage: Usage };

export type LoadStage = 'manifest' | 'weights' | 'compile' | 'ready';

/** How far loading is. Bytes for `weights`, pipelines for `compile`. */
export interface LoadProgress {
  stage: LoadStage;
  loaded: number;
  total: number;
  /** Where the weights come from at the moment. */
  source: 'network' | 'storage';
  /** Over the last seconds; 0 while unknown. */
  bytesPerSecond: number;
  /** Infinity while unknown. */
  secondsLeft: number;
}

/** What is loaded, and where it runs. */
export interface EngineInfo {
  model: {
    name: string;
    parameters: number;
    /** Scheme of the projections: f32, f16, int8, fp8, int4. */
    scheme: string;
    /** Of the weights on the GPU. */
    bytes: number;
    contextLength: number;
    hasChatTemplate: boolean;
  };
  adapter: { vendor: string; architecture: string; description: string; features: string[] };
  /** The model's own defaults, from `generation_config.json`, completed by neutral values. */
  sampling: Required<Omit<SamplingSettings, 'seed' | 'logitBias'>>;
}

export interface EngineOptions {
  /** URL of a package: the folder that holds `manifest.json`. Relative URLs are taken from the page. */
  model: string;
  /** Tokens of prompt and answer together; default and upper bound are the model's own. Memory grows only as it is used. */
  contextLength?: number;
  onProgress?: (progress: LoadProgress) => void;
  /** Aborts loading. */
  signal?: AbortSignal;
}

/** The engine as the page sees it; `createEngine` in client.ts makes one that lives in a worker. */
export interface Engine {
  readonly info: EngineInfo;
  /**
   * Answers one request, streaming. Leaving the loop early or aborting `signal` stops generation;
   * the kept state is then exactly that of the tokens that were yielded.
   * @throws BambaError `busy` while another generation runs; `setting_invalid`, `prompt_empty`, `prompt_too_long`.
   */
  generate(request: GenerationRequest, options?: { signal?: AbortSignal }): AsyncIterable<GenerationEvent>;
  /** Frees the GPU and ends the worker. Idempotent. */
  dispose(): Promise<void>;
}
