import { BambaError } from '../errors.ts';
import { generateIds } from '../generate/generate.ts';
import { resolveSampling } from '../generate/sampling.ts';
import type { StateCache } from '../generate/state-cache.ts';
import { generateStepwise } from '../generate/stepwise.ts';
import type { Model } from '../model/model.ts';
import type { AnswerForms } from './answer-form.ts';
import { AnswerText, spelledLogprobs } from './answer-text.ts';
import type { KeptStates } from './kept-states.ts';
import type { CacheMiss, FinishReason, GenerationEvent, GenerationRequest, Usage } from './protocol.ts';
import type { Overflow } from './overflow.ts';
import { readPrompt } from './read-prompt.ts';
import { planPrompt } from './prompt-plan.ts';
import { parseRequest, type PromptInput } from './request.ts';
import { turnDigests } from './turn-digests.ts';
import type { Prompt, TextSide } from './text-side.ts';

/** What answers are made with. */
export interface Answering {
  readonly model: Model;
  readonly text: TextSide;
  readonly states: StateCache;
  /** Those of earlier visits. */
  readonly kept: KeptStates;
  readonly overflow: Overflow;
  readonly forms: AnswerForms;
}

/**
 * Answers one request, as the only one that uses the model meanwhile.
 * @throws BambaError as `LocalEngine.generate`, but for `busy` and `disposed`.
 */
export async function* answerRequest(
  answering: Answering,
  request: GenerationRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<GenerationEvent, void> {
  const { model, text, states, kept, overflow, forms } = answering;
  const { tokenizer, stopIds, defaults } = text;
  const parsed = parseRequest(request);
  const values = resolveSampling(parsed.sampling, defaults.sampling, model.architecture.vocabSize);
  const { constraint, ...form } = forms.of(parsed);
  const answer = new AnswerText(tokenizer, parsed.stop, form);
  const fitting = await overflow.fit(parsed, signal).catch(nullIfAborted);
  if (fitting === null) {
    yield { type: 'end', finishReason: 'abort', usage: NO_USAGE };
    return;
  }
  const { prompt, droppedTurns } = fitting;
  const promptIds = prompt.ids;
  requireKnown(promptIds, model.architecture.vocabSize);
  if ('messages' in parsed.input && parsed.input.continueLast) answer.goOnFrom(promptIds);
  const limit = Math.min(parsed.maxTokens, model.contextLength - promptIds.length);

  const started = performance.now();
  const { input } = fitting.parsed;
  const { conversation } = parsed;
  if (conversation !== undefined) {
    try {
      const shared = await sharedIds(prompt, input);
      await kept.bring(conversation, promptIds, { live: model.state, shared, signal });
    } catch (error) {
      nullIfAborted(error);
      yield { type: 'end', finishReason: 'abort', usage: NO_USAGE };
      return;
    }
  }
  const readsAhead = 'messages' in input && input.readAhead;
  const resumption = await states.resume(promptIds, { logits: !readsAhead });
  const cachedTokens = resumption.position;
  let miss: CacheMiss | null = null;
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
      ...(miss && { cacheMiss: miss }),
      ...(droppedTurns > 0 && { droppedTurns }),
    };
    return { type: 'end', finishReason, usage };
  };

  try {
    const plan = await planPrompt(states, prompt, fitting.parsed, resumption, model.chunkTokens);
    ({ miss } = plan);
    yield* readPrompt(model, states, promptIds, { from: cachedTokens, cuts: plan.cuts, signal });
    // Before the header of an answer, a state is kept already. What is read ahead is kept to its end.
    if (!plan.hasHeader || limit === 0) await states.keep('prompt', { logits: !readsAhead });
  } catch (error) {
    nullIfAborted(error);
    await states.keep('rung');
    yield end('abort');
    return;
  }
  states.known.rememberPrompt(promptIds, 'messages' in input ? turnDigests(input.messages).at(-1)! : null);
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
  try {
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
  } finally {
    await states.keep('answer').catch(leaveToTheNext);
  }
}

/** What a prompt may have in common with others: the tokens of what the system says at its beginning. */
async function sharedIds(prompt: Prompt, input: PromptInput): Promise<readonly number[]> {
  if (!('messages' in input) || input.messages[0]?.role !== 'system' || input.messages.length < 2) return [];
  return prompt.ids.slice(0, (await prompt.endOf(1)) ?? 0);
}

/** @throws BambaError `config_invalid` for a token that the model does not have. */
export function requireKnown(ids: readonly number[], vocabSize: number): void {
  const unknown = ids.find((id) => id >= vocabSize);
  if (unknown !== undefined) {
    throw new BambaError('config_invalid', `The prompt has token id ${unknown}, which the model does not have.`);
  }
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

/** The answer is there: what the device refuses behind it is told to the next request. */
function leaveToTheNext(error: unknown): void {
  if (!(error instanceof BambaError)) throw error;
}

function nullIfAborted(error: unknown): null {
  if (error instanceof BambaError && error.code === 'aborted') return null;
  throw error;
}

function perSecond(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
