import type { Engine, PromptLogprob } from '../engine/protocol.ts';
import { type AnswerEnd, collect, deltas, identifier, now, usageOf, withOptions } from './openai-answers.ts';
import { type CompletionRequest, completionRequest } from './openai-request.ts';
import type {
  Completion,
  CompletionChunk,
  CompletionLogprobs,
  CompletionParams,
  RequestOptions,
} from './openai-types.ts';

/** Continuations of texts. */
export class Completions {
  readonly #engine: Engine;

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Continues a text, or several, at once or as a stream.
   *
   * ```ts
   * const { choices } = await engine.completions.create({ prompt: 'An apple is', max_tokens: 16, stop: '.' });
   * ```
   * @throws BambaError as `chat.completions.create`
   */
  create(params: CompletionParams & { stream?: false | null }, options?: RequestOptions): Promise<Completion>;
  create(
    params: CompletionParams & { stream: true },
    options?: RequestOptions,
  ): Promise<AsyncIterable<CompletionChunk>>;
  create(params: CompletionParams, options?: RequestOptions): Promise<Completion | AsyncIterable<CompletionChunk>>;
  async create(
    params: CompletionParams,
    options: RequestOptions = {},
  ): Promise<Completion | AsyncIterable<CompletionChunk>> {
    const { name } = this.#engine.info.model;
    const parsed = withOptions(completionRequest(params, name), options);
    const head = { id: `cmpl-${identifier()}`, created: now(), model: name };
    const wanted = parsed.request.logprobs !== undefined;
    if (params.stream) return this.#stream(parsed, head, wanted);
    const answers = await collect(this.#engine, parsed);
    return {
      ...head,
      object: 'text_completion',
      choices: answers.map(({ echo, text, logprobs, end }, index) => ({
        index,
        text: echo.text + text,
        finish_reason: end.finishReason,
        logprobs: wanted ? textLogprobs([...echo.logprobs, ...logprobs, ...lastOf(end)], 0) : null,
      })),
      usage: usageOf(answers.map(({ end }) => end)),
    };
  }

  async *#stream(
    parsed: CompletionRequest,
    head: Pick<CompletionChunk, 'id' | 'created' | 'model'>,
    wanted: boolean,
  ): AsyncGenerator<CompletionChunk, void> {
    const ends: AnswerEnd[] = [];
    const object = 'text_completion';
    const common = { ...head, object, ...(parsed.includeUsage && { usage: null }) } as const;
    const lengths: number[] = [];
    for await (const delta of deltas(this.#engine, parsed)) {
      const { index } = delta;
      const choice = { index, text: '', finish_reason: null, logprobs: null };
      const spelled = (tokens: readonly PromptLogprob[]) => {
        const offset = lengths[index] ?? 0;
        lengths[index] = offset + tokens.reduce((sum, { token }) => sum + token.length, 0);
        return wanted ? textLogprobs(tokens, offset) : null;
      };
      if (delta.type === 'echo' || delta.type === 'text') {
        const { text, logprobs } = delta.type === 'echo' ? delta.echo : delta;
        yield { ...common, choices: [{ ...choice, text, logprobs: spelled(logprobs) }] };
      } else if (delta.type === 'end') {
        ends[index] = delta.end;
        const last = lastOf(delta.end);
        const logprobs = last.length > 0 ? spelled(last) : null;
        yield { ...common, choices: [{ ...choice, finish_reason: delta.end.finishReason, logprobs }] };
      }
    }
    if (parsed.includeUsage) yield { ...common, choices: [], usage: usageOf(ends.filter(() => true)) };
  }
}

/** The token that ended an answer, which is no part of its text. */
function lastOf({ logprob }: AnswerEnd): PromptLogprob[] {
  return logprob ? [logprob] : [];
}

function textLogprobs(tokens: readonly PromptLogprob[], offset: number): CompletionLogprobs {
  let at = offset;
  return {
    tokens: tokens.map(({ token }) => token),
    // As OpenAI's server has it, whatever its client's types say: null where nothing predicts a token.
    token_logprobs: tokens.map(({ logprob }) => logprob) as number[],
    top_logprobs: tokens.map(({ top, logprob }) => (logprob === null ? null : byText(top))) as Record<string, number>[],
    text_offset: tokens.map(({ token }) => (at += token.length) - token.length),
  };
}

/** Tokens may be spelled alike, as halves of characters are: the likeliest of them counts, which comes first. */
function byText(top: PromptLogprob['top']): Record<string, number> {
  const likeliest = new Map<string, number>();
  for (const { token, logprob } of top) if (!likeliest.has(token)) likeliest.set(token, logprob);
  return Object.fromEntries(likeliest);
}
