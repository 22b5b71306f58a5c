import { BambaError } from '../errors.ts';
import { generateIds } from '../generate/generate.ts';
import type { PrefixCache } from '../generate/prefix-cache.ts';
import { resolveSampling } from '../generate/sampling.ts';
import { generateStepwise } from '../generate/stepwise.ts';
import type { Model } from '../model/model.ts';
import type { AnswerForms } from './answer-form.ts';
import { AnswerCourse } from './answer-course.ts';
import { type AnswerStep, AnswerText, spelledLogprobs } from './answer-text.ts';
import type { FinishReason, GenerationEvent, GenerationRequest } from './protocol.ts';
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
 * Answers one request, or goes on with an answer that was interrupted, as the only one that uses the model meanwhile.
 * @param course what the answer has already; it hears of all that is yielded
 * @throws BambaError as `LocalEngine.generate`, but for `busy` and `disposed`.
 */
export async function* answerRequest(
  { model, text, prefixes, forms }: Answering,
  request: GenerationRequest,
  signal: AbortSignal | undefined,
  course = new AnswerCourse(),
): AsyncGenerator<GenerationEvent, void> {
  const { tokenizer, stopIds, defaults } = text;
  course.begin();
  const parsed = parseRequest(request);
  const values = resolveSampling(parsed.sampling, defaults.sampling, model.architecture.vocabSize);
  values.seed = course.seed ??= values.seed;
  const { constraint, ...form } = forms.of(parsed);
  const answer = new AnswerText(tokenizer, parsed.stop, form);
  const promptIds = await encodePrompt(text, model, parsed, signal).catch(nullIfAborted);
  if (promptIds === null) {
    yield course.end('abort');
    return;
  }
  if ('messages' in parsed.input && parsed.input.continueLast) answer.goOnFrom(promptIds);
  course.text = answer;
  const limit = Math.min(parsed.maxTokens, model.contextLength - promptIds.length);

  const answered = [...course.ids];
  if (answered.length > 0) {
    const replayed = replay(answer, course, stopIds, limit);
    yield* replayed.calls;
    if (replayed.finishReason) {
      course.noteRead(promptIds.length, 0, 0);
      yield course.end(replayed.finishReason);
      return;
    }
    for (const id of answered) constraint?.accept(id);
  }

  const started = performance.now();
  const cachedTokens = await prefixes.resume(promptIds);
  course.noteRead(promptIds.length, cachedTokens, 0);
  try {
    for await (const event of readPrompt(model, promptIds, cachedTokens, signal)) {
      // Behind text there is no news of the prompt.
      if (answered.length === 0) yield event;
    }
    await prefixes.keep();
    course.noteRead(promptIds.length, cachedTokens, performance.now() - started);
    if (answered.length > 0) await model.prefill(answered, { logits: true, ...(signal && { signal }) });
  } catch (error) {
    nullIfAborted(error);
    yield* course.abort();
    return;
  }
  if (limit === 0) {
    yield course.end('length');
    return;
  }

  const settings = { values, limit, stopIds, promptIds, answered };
  const { logprobs } = parsed;
  const pieces =
    constraint || logprobs !== undefined
      ? generateStepwise(model, settings, { constraint, logprobs })
      : generateIds(model, settings);
  for await (const piece of pieces) {
    const ended = piece.ended && stopIds.includes(piece.ids.at(-1) ?? -1);
    const step = takeIds(answer, piece.ids, ended, piece.ended || signal?.aborted === true);
    course.take(piece.ids);
    if (step.text !== '' || piece.ids.length > 0) {
      const named = piece.logprobs
        ? { logprobs: spelledLogprobs(tokenizer, ended ? piece.logprobs.slice(0, -1) : piece.logprobs) }
        : {};
      yield { type: 'text', text: step.text, ids: piece.ids, ...named };
    }
    for (const call of step.calls) {
      course.takeCall();
      yield { type: 'toolCall', call };
    }
    const reason = step.stopped || ended ? 'stop' : piece.ended ? 'length' : signal?.aborted ? 'abort' : null;
    if (reason) {
      yield course.end(reason);
      return;
    }
  }
}

/**
 * What tokens lead to.
 * @param ended the last one ends the answer, and is no text
 * @param last what was held back comes out
 */
function takeIds(answer: AnswerText, ids: readonly number[], ended: boolean, last: boolean): AnswerStep {
  const step = answer.push(ended ? ids.slice(0, -1) : ids);
  if (step.stopped || !last) return step;
  const rest = answer.finish();
  return { text: step.text + rest.text, calls: [...step.calls, ...rest.calls], stopped: rest.stopped };
}

/** Takes what an answer has already, of which its text was yielded: calls that were not, and why it ended, if it has. */
function replay(
  answer: AnswerText,
  course: AnswerCourse,
  stopIds: readonly number[],
  limit: number,
): { calls: GenerationEvent[]; finishReason: FinishReason | null } {
  const { ids } = course;
  const ended = stopIds.includes(ids.at(-1) ?? -1);
  const full = ids.length >= limit;
  const step = takeIds(answer, ids, ended, ended || full);
  const calls = step.calls.slice(course.calls).map((call): GenerationEvent => {
    course.takeCall();
    return { type: 'toolCall', call };
  });
  return { calls, finishReason: step.stopped || ended ? 'stop' : full ? 'length' : null };
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

function nullIfAborted(error: unknown): null {
  if (error instanceof BambaError && error.code === 'aborted') return null;
  throw error;
}
