// Requests and answers in the form that OpenAI gave them, as far as a model in the page can keep to it. Parameters that
// are null count as left out.

/** What OpenAI's own types have besides; it is refused. */
export interface Refused<Type extends string> {
  type: Type;
}

/** A part of a message's content; images and sound are refused. */
export interface ContentPart {
  type: string;
  text?: string;
}

export interface ChatCompletionMessageToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

export interface ChatCompletionMessageParam {
  /** `developer` counts as `system`; `function` is refused. */
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | 'function';
  content?: string | readonly ContentPart[] | null;
  name?: string;
  tool_calls?: readonly (ChatCompletionMessageToolCall | (Refused<'custom'> & { id: string }))[] | null;
  tool_call_id?: string;
}

export interface ChatCompletionTool {
  type: 'function';
  function: { name: string; description?: string; parameters?: object; strict?: boolean | null };
}

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      json_schema: { name?: string; description?: string; schema?: object; strict?: boolean | null };
    };

/** What requests of both kinds take. */
export interface SharedParams {
  /** The model that the engine has, by `engine.models.list()`; may be left out. */
  model?: string | null;
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  /** Answers to generate, one after the other; 1 to 16. With a seed they take it and those after it. */
  n?: number | null;
  stop?: string | readonly string[] | null;
  /** An integer in [0, 2^32). */
  seed?: number | null;
  max_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  min_p?: number | null;
  repetition_penalty?: number | null;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  /** Token ids and what is added to their logits. */
  logit_bias?: Readonly<Record<string, number>> | null;
  /** Stops generation: the answer, or the stream, then throws `aborted`. */
  abortSignal?: AbortSignal | null;
}

export interface ChatCompletionParams extends SharedParams {
  messages: readonly ChatCompletionMessageParam[];
  /** The newer name of `max_tokens`. */
  max_completion_tokens?: number | null;
  logprobs?: boolean | null;
  /** 0 to 20. */
  top_logprobs?: number | null;
  response_format?: ResponseFormat | null;
  tools?: readonly (ChatCompletionTool | Refused<'custom'>)[] | null;
  tool_choice?:
    | 'none'
    | 'auto'
    | 'required'
    | { type: 'function'; function: { name: string } }
    | Refused<'custom' | 'allowed_tools'>
    | null;
}

export interface CompletionParams extends SharedParams {
  /** Text to continue, or its token ids. */
  prompt: string | readonly number[];
  /** So many likeliest tokens in each place; 0 to 20. */
  logprobs?: number | null;
}

export interface RequestOptions {
  /** As `abortSignal` of the parameters. */
  signal?: AbortSignal | null;
}

export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** Tokens of the prompt that were in the kept state, and not processed again. */
  prompt_tokens_details: { cached_tokens: number };
  /** Speeds, by the names of WebLLM. */
  extra: {
    prefill_tokens_per_s: number;
    decode_tokens_per_s: number;
    time_to_first_token_s: number;
    time_per_output_token_s: number;
    e2e_latency_s: number;
  };
}

export interface TokenLogprob {
  token: string;
  bytes: number[] | null;
  logprob: number;
}

export interface ChatLogprobs {
  content: (TokenLogprob & { top_logprobs: TokenLogprob[] })[];
  refusal: null;
}

export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  choices: {
    index: number;
    message: {
      role: 'assistant';
      content: string | null;
      refusal: null;
      tool_calls?: ChatCompletionMessageToolCall[];
    };
    finish_reason: 'stop' | 'length' | 'tool_calls';
    logprobs: ChatLogprobs | null;
  }[];
  usage: CompletionUsage;
}

export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  /** Empty in the last chunk of `include_usage`. */
  choices: {
    index: number;
    delta: {
      role?: 'assistant';
      content?: string;
      tool_calls?: { index: number; id: string; type: 'function'; function: { name: string; arguments: string } }[];
    };
    finish_reason: 'stop' | 'length' | 'tool_calls' | null;
    logprobs: ChatLogprobs | null;
  }[];
  usage?: CompletionUsage;
}

export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  /** Where each token begins in the text. */
  text_offset: number[];
}

/** An answer to `completions.create`; of a stream, a part of it: `finish_reason` is empty until the end. */
export interface Completion<FinishReason = 'stop' | 'length'> {
  id: string;
  object: 'text_completion';
  created: number;
  model: string;
  choices: { index: number; text: string; finish_reason: FinishReason; logprobs: CompletionLogprobs | null }[];
  usage?: CompletionUsage;
}

export type CompletionChunk = Completion<'stop' | 'length' | null>;

export interface Model {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
}
