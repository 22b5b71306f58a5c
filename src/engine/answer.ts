import { BambaError } from '../errors.ts';
import { generateIds } from '../generate/generate.ts';
import type { PrefixCache } from '../generate/prefix-cache.ts';
import { resolveSampling } from '../generate/sampling.ts';
import { generateStepwise } from '../generate/stepwise.ts';
import type { Model } from '../model/model.ts';
import type { AnswerForms } from './answer-form.ts';
import { AnswerText, spelledLogprobs } from './answer-text.ts';
import type { FinishReason, GenerationEvent, GenerationRequest, Usage } from './protocol.ts';
import { readPrompt } from './read-prompt.ts';
import { type ParsedRequest, parseRequest } from './request.ts';
import type { TextSide } from './text-side.ts';

/** What answers are made with. */
export interface Answering {
  readonly model: Model;
  readonly text: TextSide;
  readonly prefixes: PrefixCache;
  readonly forms: AnswerForms;
}

/**
 * Answers one request, as the only one that uses the model meanwhile.
 * @throws BambaError as `LocalEngine.generate`, but for `busy` and `disposed`.
 */
export async function* answerRequest(
  { model, text, prefixes, forms }: Answering,
  request: GenerationRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<GenerationEvent, void> {
  const { tokenizer, stopIds, defaults } = text;
  const parsed = parseRequest(request);
  const values = resolveSampling(parsed.sampling, defaults.sampling, model.architecture.vocabSize);
  const { constraint, ...form } = forms.of(parsed);
  const answer = new AnswerText(tokenizer, parsed.stop, form);
  const promptIds = await encodePrompt(text, model, parsed, signal).catch(nullIfAborted);
  if (promptIds === null) {
    yield { type: 'end', finishReason: 'abort', usage: NO_USAGE };
    return;
  }
  if ('messages' in parsed.input && parsed.input.continueLast) answer.goOnFrom(promptIds);
  const limit = Math.min(parsed.maxTokens, model.contextLength - promptIds.length);

  const started = performance.now();
  const cachedTokens = await prefixes.resume(promptIds);
  let prefilled = started;
  let firstToken = 0;
  let completionTokens = 0;
  const end = (finishReason: FinishReason): GenerationEvent => {
    const now = performance.now();
    const decodeMs = firstToken === 0 ? 0 : now - firstToken;
    const usage: Usage = {
      promptTokens: promptIds.length,
      cachedTokens,
      completionTokens,
      timeToFirstTokenS: firstToken === 0 ? 0 : (firstToken - started) / 1000,
      prefillTokensPerS: perSecond(promptIds.length - cachedTokens, prefilled - started),
      decodeTokensPerS: perSecond(completionTokens - 1, decodeMs),
    };
    return { type: 'end', finishReason, usage };
  };

  try {
    yield* readPrompt(model, promptIds, cachedTokens, signal);
  } catch (error) {
    nullIfAborted(error);
    yield end('abort');
    return;
  }
  await prefixes.keep();
  prefilled = performance.now();
  if (limit === 0) {
    yield end('length');
    return;
  }

  const settings = { values, limit, stopIds, promptIds };
  const { logprobs } = parsed;
  const pieces =
    constraint || logprobs !== undefined
      ? generateStepwise(model, settings, { constraint, logprobs })
      : generateIds(model, settings);
  for await (const piece of pieces) {
    firstToken ||= performance.now();
    completionTokens += piece.ids.length;
    const ended = piece.ended && stopIds.includes(piece.ids.at(-1) ?? -1);
    const steps = [answer.push(ended ? piece.ids.slice(0, -1) : piece.ids)];
    const stopped = () => steps.some((step) => step.stopped);
    if (!stopped() && (piece.ended || signal?.aborted)) steps.push(answer.finish());
    const written = steps.map((step) => step.text).join('');
    if (written !== '' || piece.ids.length > 0) {
      const named = piece.logprobs
        ? { logprobs: spelledLogprobs(tokenizer, ended ? piece.logprobs.slice(0, -1) : piece.logprobs) }
        : {};
      yield { type: 'text', text: written, ids: piece.ids, ...named };
    }
    for (const call of steps.flatMap(({ calls }) => calls)) yield { type: 'toolCall', call };
    const reason = stopped() || ended ? 'stop' : piece.ended ? 'length' : signal?.aborted ? 'abort' : null;
    if (reason) {
      yield end(reason);
      return;
    }
  }
}

/** Ids of a request's prompt. @throws BambaError `prompt_empty`, `prompt_too_long`, `template_failed`, `aborted`. */
async function encodePrompt(
  text: TextSide,
  model: Model,
  parsed: ParsedRequest,
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const ids = await text.encode(parsed, signal);
  if (ids.length === 0) throw new BambaError('prompt_empty', 'The prompt is empty: there is nothing to answer.');
  const { contextLength } = model;
  if (ids.length >= contextLength) {
    throw new BambaError(
      'prompt_too_long',
      `The prompt has ${ids.length} tokens, and the context has room for ${contextLength} with the answer. ` +
        'Shorten it or start a new chat.',
    );
  }
  const unknown = ids.find((id) => id >= model.architecture.vocabSize);
  if (unknown !== undefined) {
    throw new BambaError('config_invalid', `The prompt has token id ${unknown}, which the model does not have.`);
  }
  return ids;
}

/** Of a request that ended before its prompt was known. */
const NO_USAGE: Usage = {
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  timeToFirstTokenS: 0,
  prefillTokensPerS: 0,
  decodeTokensPerS: 0,
};

function nullIfAborted(error: unknown): null {
  if (error instanceof BambaError && error.code === 'aborted') return null;
  throw error;
}

function perSecond(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
