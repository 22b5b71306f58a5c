// Requests and answers in the form that OpenAI gave them, as far as a model in the page can keep to it.

/** Further parts of OpenAI's own types; they are refused. */
export interface Refused<Type extends string> {
  /** The type of the part. */
  type: Type;
}

/** A part of a message's content; images and sound are refused. */
export interface ContentPart {
  /** `text`; of an assistant's messages also `refusal`. */
  type: string;
  /** The text. */
  text?: string;
  /** Of a part `refusal`: what the assistant said instead of an answer. */
  refusal?: string;
}

/** A call of a function, as the model wrote it. */
export interface ChatCompletionMessageToolCall {
  /** A tool's message names it as `tool_call_id`. */
  id: string;
  /** The only kind there is. */
  type: 'function';
  /** The called function; `arguments` are the JSON of an object. */
  function: { name: string; arguments: string };
}

/** One message of a chat. */
export interface ChatCompletionMessageParam {
  /** The author. `developer` counts as `system`; `function` is refused. */
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | 'function';
  /** The text; parts of text are joined. */
  content?: string | readonly ContentPart[] | null;
  /** Of the assistant's messages: what it said instead of an answer, which counts where there is no content. */
  refusal?: string | null;
  /** Of a tool's messages: the tool; some templates show it. */
  name?: string;
  /** Of the assistant's messages: what it called. */
  tool_calls?: readonly (ChatCompletionMessageToolCall | (Refused<'custom'> & { id: string }))[] | null;
  /** Of a tool's messages: the call that it answers. */
  tool_call_id?: string;
}

/** A function that the model may call. */
export interface ChatCompletionTool {
  /** The only kind there is. */
  type: 'function';
  /** `parameters` is a JSON Schema of type `object`; calls always keep to it, whatever `strict` says. */
  function: { name: string; description?: string; parameters?: object; strict?: boolean | null };
}

/** The form of answers: free, any JSON object, or a JSON Schema (always strict, whatever `strict` says). */
export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      json_schema: { name?: string; description?: string; schema?: object; strict?: boolean | null };
    };

/** Parameters of clients that change nothing of an answer here. */
export interface InertParams {
  /** A name of the user. */
  user?: string | null;
}

/**
 * Parameters of clients' chats that change nothing of an answer here. Values that would ask for something which a model in
 * the page cannot give are refused in a sentence.
 */
export interface InertChatParams extends InertParams {
  /** Whether a server keeps the answer; none is there. */
  store?: boolean | null;
  /** Data that a server keeps with it. */
  metadata?: object | null;
  /** How soon a server answers. */
  service_tier?: string | null;
  /** A hash of the user. */
  safety_identifier?: string | null;
  /** The key by which a server finds a known prompt. Here the engine finds it by the tokens. */
  prompt_cache_key?: string | null;
  /** How a server keeps a known prompt. */
  prompt_cache_options?: object | null;
  /** How long a server keeps a known prompt. */
  prompt_cache_retention?: string | null;
  /** A guess of the answer. */
  prediction?: object | null;
  /** `true`; `false` only where `tool_choice` names the tool, or where none may be called. */
  parallel_tool_calls?: boolean | null;
  /** `none` or `minimal`. */
  reasoning_effort?: string | null;
  /** `medium`. */
  verbosity?: string | null;
  /** `['text']`. */
  modalities?: readonly string[] | null;
  /** Refused. */
  audio?: object | null;
  /** Refused. */
  web_search_options?: object | null;
  /** Refused. */
  moderation?: object | null;
  /** Refused; `tools` are their follower. */
  functions?: readonly object[] | null;
  /** `none` or `auto`, which ask for nothing where there are no functions. */
  function_call?: string | object | null;
}

/** Parameters of both kinds of requests. */
export interface SharedParams {
  /** The model that the engine has, by `engine.models.list()`; may be left out. */
  model?: string | null;
  /** Whether the answer comes in chunks. */
  stream?: boolean | null;
  /** `include_usage` adds a last chunk with the counts. Without `stream` they change nothing. */
  stream_options?: { include_usage?: boolean; include_obfuscation?: boolean } | null;
  /** Answers to generate, as many at once as the engine takes; 1 to 16. With a seed they take it and those after it. */
  n?: number | null;
  /** The answer ends before any of these strings; empty ones count as left out. */
  stop?: string | readonly string[] | null;
  /** Makes sampling repeatable; an integer, of which the lowest 32 bits count. */
  seed?: number | null;
  /**
   * Tokens of an answer, at most; by default as many as the context has room for. With 0 the prompt is read, and the answer
   * is empty: the next request with this prompt does not wait for it.
   */
  max_tokens?: number | null;
  /** 0 takes the likeliest token; above 0 samples. At most 100. */
  temperature?: number | null;
  /** Keep the smallest set of likeliest tokens whose probabilities reach this sum; in (0, 1]. */
  top_p?: number | null;
  /** Keep the k likeliest tokens; 0 keeps all. */
  top_k?: number | null;
  /** Keep tokens at least this fraction as likely as the likeliest; in [0, 1]. */
  min_p?: number | null;
  /** Above 1 discourages tokens of prompt and answer; 1 is neutral. */
  repetition_penalty?: number | null;
  /** Subtracted once from the logit of every token that the answer has; in [-2, 2]. */
  presence_penalty?: number | null;
  /** Subtracted from a token's logit for each time that the answer has it; in [-2, 2]. */
  frequency_penalty?: number | null;
  /** Token ids and what is added to their logits, each in [-100, 100]. */
  logit_bias?: Readonly<Record<string, number>> | null;
  /** Stops generation: the answer, or the stream, then throws `aborted`. */
  abortSignal?: AbortSignal | null;
}

/** The parameters of `chat.completions.create`. */
export interface ChatCompletionParams extends SharedParams, InertChatParams {
  /** The chat so far. The engine does not process the known beginning again. */
  messages: readonly ChatCompletionMessageParam[];
  /** The newer name of `max_tokens`; where both are given, they are the same. */
  max_completion_tokens?: number | null;
  /**
   * For a chat that leaves no room for an answer. `refuse` (the default) throws `prompt_too_long`. `drop-oldest-turns`
   * leaves the oldest turns out, and `usage.extra.dropped_turns` counts them.
   */
  context_overflow?: 'refuse' | 'drop-oldest-turns' | null;
  /**
   * Names the conversation, in at most 200 characters. The browser then keeps its state: after a reload, or in another tab,
   * the next turn processes its own tokens only. Default: nothing is kept.
   */
  conversation?: string | null;
  /** Whether each token comes with its log-probability: the model's own, before any setting. */
  logprobs?: boolean | null;
  /** So many likeliest tokens in each place, 0 to 20; with `logprobs: true`. */
  top_logprobs?: number | null;
  /** The form of the answer. Not while tools may be called. */
  response_format?: ResponseFormat | null;
  /** The tools that the model may call; for models whose chat template shows tools. */
  tools?: readonly (ChatCompletionTool | Refused<'custom'>)[] | null;
  /** Whether it calls: as it likes (the default), not at all, at least one, or the one that is named. */
  tool_choice?:
    | 'none'
    | 'auto'
    | 'required'
    | { type: 'function'; function: { name: string } }
    | Refused<'custom' | 'allowed_tools'>
    | null;
}

/** The parameters of `completions.create`. */
export interface CompletionParams extends SharedParams, InertParams {
  /** Text to continue, or its token ids; or a list of either, of which each is continued `n` times. */
  prompt: string | readonly number[] | readonly string[] | readonly (readonly number[])[];
  /**
   * Whether answers begin with the prompt. With `logprobs` it is the prompt as the model read it, special tokens included,
   * and each of its tokens has its log-probability.
   */
  echo?: boolean | null;
  /** Refused, but for an empty one. */
  suffix?: string | null;
  /** The value of `n`. */
  best_of?: number | null;
  /** So many likeliest tokens in each place; 0 to 20. */
  logprobs?: number | null;
}

/** Options beside the parameters, as with OpenAI's client. */
export interface RequestOptions {
  /** As `abortSignal` of the parameters. */
  signal?: AbortSignal | null;
  /**
   * Whether the request goes beside those that came before it, or waits for them; else it fails with `busy` while there are
   * any. Default true.
   */
  queue?: boolean;
}

/** Counts and speeds of an answer. With `n` above 1 the prompt counts once. */
export interface CompletionUsage {
  /** Tokens of the prompt. */
  prompt_tokens: number;
  /** Tokens of all answers. */
  completion_tokens: number;
  /** Their sum. */
  total_tokens: number;
  /** Tokens of the prompt that were in the kept state, and not processed again. */
  prompt_tokens_details: { cached_tokens: number };
  /** Speeds, by the names of WebLLM. */
  extra: {
    /** Tokens of the prompt a second. */
    prefill_tokens_per_s: number;
    /** Tokens of the answer a second. */
    decode_tokens_per_s: number;
    /** Seconds to the first token. */
    time_to_first_token_s: number;
    /** Seconds a token, after the first. */
    time_per_output_token_s: number;
    /** Seconds for all. */
    e2e_latency_s: number;
    /**
     * The reason why known tokens of the prompt were processed again. Their state had gone for want of room; another model
     * or another chat template had written it; or the text differs from this token on. Absent where none were.
     */
    cache_miss_reason?: 'evicted' | 'other model' | 'other template' | `edited at token ${number}`;
    /** Oldest turns of the chat that were left out, as `context_overflow` allows; absent where the model read all. */
    dropped_turns?: number;
    /** The share of drafts that were right, from 0 to 1; absent where there were none. With `n` above 1 of the first answer. */
    acceptance?: number;
  };
}

/** A token and its log-probability, as chats have it. */
export interface TokenLogprob {
  /** Its text. */
  token: string;
  /** The bytes of its text; null where tokens of this model do not stand for bytes. */
  bytes: number[] | null;
  /** At most 0. */
  logprob: number;
}

/** The log-probabilities of an answer, or of a chunk of it. */
export interface ChatLogprobs {
  /** For each token, with the likeliest in its place. */
  content: (TokenLogprob & { top_logprobs: TokenLogprob[] })[];
  /** Refusals are not told apart. */
  refusal: null;
}

/** An answer to `chat.completions.create`. */
export interface ChatCompletion {
  /** Another for every request. */
  id: string;
  /** The type of the object. */
  object: 'chat.completion';
  /** Seconds since 1970. */
  created: number;
  /** The model that answered. */
  model: string;
  /** The answers, `n` of them. `content` is null where the model only called tools. */
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
  /** Of all answers together. */
  usage: CompletionUsage;
}

/** A part of a streamed answer. */
export interface ChatCompletionChunk {
  /** The same in all chunks of a request. */
  id: string;
  /** The type of the object. */
  object: 'chat.completion.chunk';
  /** Seconds since 1970. */
  created: number;
  /** The model that answered. */
  model: string;
  /** The new part of one answer; empty in the last chunk of `include_usage`. A call of a tool comes whole, in one chunk. */
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
  /** With `include_usage`: the counts in the last chunk, null in those before. */
  usage?: CompletionUsage | null;
}

/** The log-probabilities of a continued text. */
export interface CompletionLogprobs {
  /** The texts of the tokens. */
  tokens: string[];
  /**
   * For each token, also of one that ended the answer and is no text. A prompt's first token has null here, and below: so
   * does OpenAI's server, and the types of its client leave it out.
   */
  token_logprobs: number[];
  /** The likeliest in each place, by their texts; of tokens with the same text the likelier. */
  top_logprobs: Record<string, number>[];
  /** Where each token begins in the text. */
  text_offset: number[];
}

/** An answer to `completions.create`; of a stream, a part of it: `finish_reason` is empty until the end. */
export interface Completion<FinishReason = 'stop' | 'length', Counts = CompletionUsage> {
  /** Another for every request. */
  id: string;
  /** The type of the object. */
  object: 'text_completion';
  /** Seconds since 1970. */
  created: number;
  /** The model that answered. */
  model: string;
  /** The texts: `n` for each prompt, in the order of the prompts. */
  choices: { index: number; text: string; finish_reason: FinishReason; logprobs: CompletionLogprobs | null }[];
  /** Of all answers together. Of a stream, with `include_usage`: in the last chunk; null in those before. */
  usage?: Counts;
}

/** A part of a streamed text. */
export type CompletionChunk = Completion<'stop' | 'length' | null, CompletionUsage | null>;

/** A model, as `models.list` names it. */
export interface Model {
  /** Its name; `model` of requests. */
  id: string;
  /** The type of the object. */
  object: 'model';
  /** When it was loaded, in seconds since 1970. */
  created: number;
  /** `bamba-web`. */
  owned_by: string;
}
