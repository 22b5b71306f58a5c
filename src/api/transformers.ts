/**
 * For code that was written for transformers.js: a pipeline for text generation, and a streamer for it.
 *
 * @module
 */

import type { ChatMessage, Engine, EngineOptions, GenerationRequest, Scheme } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { SAMPLING, SAMPLING_NAMES } from '../sampling.ts';
import { createEngine } from './engine.ts';
import { transformersProgress, type TransformersProgress } from './progress.ts';
import { schemeOf } from './transformers-dtype.ts';

export { transformersProgress, type TransformersProgress } from './progress.ts';

/** The used part of a tokenizer object of @huggingface/transformers. */
export interface TransformersTokenizer {
  /**
   * The ids of a text.
   * @param text without special tokens of its own
   */
  encode(text: string): number[];
  /**
   * The text of ids.
   * @param ids of tokens
   * @param options whether tokens that are no text are left out
   */
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  /**
   * A chat as ids, in the form of the model.
   * @param options asks for ids alone
   */
  apply_chat_template(
    messages: readonly ChatMessage[],
    options: { tokenize: true; add_generation_prompt: true; return_tensor: false; return_dict: false },
  ): unknown;
}

/** A streamer, which takes an answer as it comes: `TextStreamer`, or one of @huggingface/transformers. */
export interface Streamer {
  /**
   * Takes ids: the prompt's first, where they are known.
   * @param ids as bigints and in a batch of one
   */
  put(ids: bigint[][]): void;
  /** The answer is over. */
  end(): void;
  /**
   * Takes text instead, where the streamer has no tokenizer.
   * @param piece as soon as it is final
   */
  text?(piece: string): void;
}

/** The options of `pipeline` beside the model: those of `createEngine`, and these. */
export interface PipelineOptions extends Omit<EngineOptions, 'model' | 'onProgress' | 'dtype'> {
  /** How the matrices of a checkpoint are stored: by our names, or by those of transformers.js; default `int8`. */
  dtype?: Scheme | 'fp32' | 'fp16' | 'q8' | 'q4';
  /** It is always WebGPU. */
  device?: 'webgpu';
  /** Hears how far loading is, in the form of transformers.js. */
  progress_callback?: (report: TransformersProgress) => void;
  /** A tokenizer object of @huggingface/transformers, to encode prompts with instead of the model's own. */
  tokenizer?: TransformersTokenizer;
}

/** How a pipeline answers. */
export interface TextGenerationOptions {
  /** Tokens of the answer, at most. */
  max_new_tokens?: number;
  /** Without it the likeliest token is taken, whatever the temperature. */
  do_sample?: boolean;
  /** Above 0 samples. */
  temperature?: number;
  /** Keep the k likeliest tokens; 0 keeps all. */
  top_k?: number;
  /** Keep the smallest set of likeliest tokens whose probabilities reach this sum. */
  top_p?: number;
  /** Keep tokens at least this fraction as likely as the likeliest. */
  min_p?: number;
  /** Above 1 discourages tokens of prompt and answer. */
  repetition_penalty?: number;
  /** Makes sampling repeatable. */
  seed?: number;
  /** The answer ends before any of these strings. */
  stop_strings?: string | string[];
  /** Whether the prompt is a part of the text; default true for texts. A chat comes back whole in any case. */
  return_full_text?: boolean;
  /** Takes the answer as it comes. */
  streamer?: Streamer;
  /** Stops the answer; what has come of it is returned. */
  signal?: AbortSignal;
}

/** Continues a text, or answers a chat; called as a function. */
export interface TextGenerationPipeline {
  /**
   * Gives one text, or one chat with the answer at its end.
   * @param text to continue
   * @param messages of a chat, for the model's chat template
   * @throws BambaError as `Engine.generate`; `setting_invalid` for options that are not known
   */
  (text: string, options?: TextGenerationOptions): Promise<{ generated_text: string }[]>;
  (messages: readonly ChatMessage[], options?: TextGenerationOptions): Promise<{ generated_text: ChatMessage[] }[]>;
  /** The engine that answers. */
  readonly engine: Engine;
  /** The tokenizer of `pipeline`'s options; null where the model's own is used. */
  readonly tokenizer: TransformersTokenizer | null;
  /** Frees the GPU and ends the worker. Idempotent. */
  dispose(): Promise<void>;
}

/**
 * A pipeline for text generation, called as that of transformers.js.
 *
 * ```ts
 * const generator = await pipeline('text-generation', '/models/lexicon/');
 * const streamer = new TextStreamer(generator.tokenizer, { skip_prompt: true, callback_function: show });
 * const [{ generated_text }] = await generator([{ role: 'user', content: 'What is an apple?' }], { streamer });
 * ```
 * @param task there is one
 * @param model as that of `createEngine`
 * @param options those of `createEngine`, and a listener of transformers.js
 * @throws BambaError as `createEngine`; `setting_invalid` for another task or device
 */
export async function pipeline(
  task: 'text-generation',
  model: string,
  options: PipelineOptions = {},
): Promise<TextGenerationPipeline> {
  const { progress_callback: listener, tokenizer, device = 'webgpu', dtype, ...rest } = options;
  if (task !== 'text-generation') throw invalid(`There is no pipeline for ${String(task)}; there is text-generation.`);
  if (device !== 'webgpu') throw invalid(`There is no device ${JSON.stringify(device)}; there is webgpu.`);
  const type = dtype && { dtype: schemeOf(dtype) };
  const onProgress = listener && transformersProgress(model, listener);
  const engine = await createEngine({ ...rest, ...type, model, ...(onProgress && { onProgress }) });
  return pipelineOf(engine, tokenizer);
}

/**
 * The pipeline of an engine that is there already.
 * @param engine what answers
 * @param tokenizer to encode prompts with instead of the model's own
 */
export function pipelineOf(engine: Engine, tokenizer?: TransformersTokenizer): TextGenerationPipeline {
  const generate = async (input: string | readonly ChatMessage[], options: TextGenerationOptions = {}) => {
    const { streamer, signal, return_full_text: full = true } = options;
    const request = generationRequest(options);
    const prompt = promptOf(input, tokenizer);
    if (Array.isArray(prompt.prompt)) streamer?.put([prompt.prompt.map(BigInt)]);
    else streamer?.put([[]]); // the prompt comes first, known or not
    let answer = '';
    for await (const event of engine.generate({ ...request, ...prompt }, signal ? { signal } : {})) {
      if (event.type !== 'text') continue;
      answer += event.text;
      if (event.ids.length > 0) streamer?.put([event.ids.map(BigInt)]);
      streamer?.text?.(event.text);
    }
    streamer?.end();
    if (typeof input === 'string') return [{ generated_text: full ? input + answer : answer }];
    return [{ generated_text: [...input, { role: 'assistant', content: answer }] }];
  };
  return Object.assign(generate as TextGenerationPipeline, {
    engine,
    tokenizer: tokenizer ?? null,
    dispose: () => engine.dispose(),
  });
}

function promptOf(
  input: string | readonly ChatMessage[],
  tokenizer: TransformersTokenizer | undefined,
): Pick<GenerationRequest, 'messages' | 'prompt'> {
  if (!tokenizer) return typeof input === 'string' ? { prompt: input } : { messages: input };
  if (typeof input === 'string') return { prompt: tokenizer.encode(input) };
  const ids = tokenizer.apply_chat_template(input, {
    tokenize: true,
    add_generation_prompt: true,
    return_tensor: false,
    return_dict: false,
  });
  return { prompt: ids as number[] };
}

const NAMES: Readonly<Record<string, keyof GenerationRequest>> = {
  max_new_tokens: 'maxTokens',
  ...Object.fromEntries(
    SAMPLING_NAMES.filter((name) => SAMPLING[name].inTransformers).map((name) => [SAMPLING[name].snake, name]),
  ),
  seed: 'seed',
  stop_strings: 'stop',
};
const OTHERS = ['do_sample', 'return_full_text', 'streamer', 'signal'];

function generationRequest(options: TextGenerationOptions): GenerationRequest {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  const unknown = given.find(([name]) => !Object.hasOwn(NAMES, name) && !OTHERS.includes(name));
  if (unknown) {
    throw invalid(
      `There is no option ${JSON.stringify(unknown[0])}. There are: ${[...Object.keys(NAMES), ...OTHERS].join(', ')}.`,
    );
  }
  const request = Object.fromEntries(
    given.flatMap(([name, value]) => (Object.hasOwn(NAMES, name) ? [[NAMES[name], value]] : [])),
  ) as GenerationRequest;
  if (options.do_sample === false) request.temperature = 0;
  return request;
}

/** Options of a `TextStreamer`. */
export interface TextStreamerOptions {
  /** Leave the prompt out. Only with a tokenizer can it be shown. */
  skip_prompt?: boolean;
  /** Takes text as soon as it is final. */
  callback_function?: (text: string) => void;
  /** Takes the ids of each step. */
  token_callback_function?: (ids: bigint[]) => void;
}

/**
 * Hands an answer on as it comes.
 *
 * ```ts
 * const streamer = new TextStreamer(generator.tokenizer, { skip_prompt: true, callback_function: show });
 * ```
 */
export class TextStreamer implements Streamer {
  readonly #tokenizer: TransformersTokenizer | null;
  readonly #options: TextStreamerOptions;
  #atPrompt = true;

  /**
   * @param tokenizer the `tokenizer` of the pipeline; null where it uses the model's own
   * @throws BambaError `setting_invalid` for a prompt that cannot be shown without a tokenizer
   */
  constructor(tokenizer: TransformersTokenizer | null, options: TextStreamerOptions = {}) {
    this.#tokenizer = tokenizer;
    this.#options = options;
    if (!tokenizer && options.skip_prompt === false) {
      throw invalid('skip_prompt: false needs a tokenizer, to show the prompt with. Give pipeline() one.');
    }
  }

  /**
   * Takes ids: the prompt's first, where they are known.
   * @param ids as bigints and in a batch of one
   */
  put(ids: bigint[][]): void {
    const [batch = []] = ids;
    const { skip_prompt: skip = false, callback_function: show, token_callback_function: take } = this.#options;
    const isPrompt = this.#atPrompt;
    this.#atPrompt = false;
    if (!isPrompt) take?.(batch);
    else if (!skip && this.#tokenizer) show?.(this.#tokenizer.decode(batch.map(Number), { skip_special_tokens: true }));
  }

  /**
   * Takes text, where there is no tokenizer.
   * @param piece as soon as it is final
   */
  text(piece: string): void {
    if (piece !== '') this.#options.callback_function?.(piece);
  }

  /** The answer is over; the next one begins with its prompt. */
  end(): void {
    this.#atPrompt = true;
  }
}

function invalid(sentence: string): BambaError {
  return new BambaError('setting_invalid', sentence);
}
