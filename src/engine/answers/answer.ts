import { BambaError } from '../../errors.ts';
import type { Constraint } from '../../generate/constraint.ts';
import { resolveSampling } from '../../generate/sampling.ts';
import type { StateCache } from '../../generate/state-cache.ts';
import type { Model } from '../../model/model.ts';
import type { AnswerSettings } from '../../model/sampler.ts';
import type { AnswerForms } from './answer-form.ts';
import { AnswerCourse } from './answer-course.ts';
import { type AnswerStep, AnswerText, spelledLogprobs } from './answer-text.ts';
import type { Ensemble } from './ensemble.ts';
import { Hold } from './hold.ts';
import type { KeptStates } from '../states/kept-states.ts';
import type { FinishReason, GenerationEvent, GenerationRequest } from '../protocol.ts';
import type { FittingPrompt, Overflow } from '../prompts/overflow.ts';
import { readPrompt } from '../prompts/read-prompt.ts';
import { planPrompt } from '../prompts/prompt-plan.ts';
import { scorePrompt } from './score-prompt.ts';
import { parseRequest, type PromptInput } from '../prompts/request.ts';
import { turnDigests } from '../prompts/turn-digests.ts';
import type { Prompt, TextSide } from '../prompts/text-side.ts';

/** The parts that answers are made with. */
export interface Answering {
  readonly model: Model;
  /** Those that are under way. */
  readonly ensemble: Ensemble;
  readonly text: TextSide;
  readonly states: StateCache;
  /** Those of earlier visits. */
  readonly kept: KeptStates;
  readonly overflow: Overflow;
  readonly forms: AnswerForms;
}

/**
 * Answers one request, or goes on with an answer that was interrupted, alone or among others.
 * @param course what the answer has already; it hears of all that is yielded
 * @throws BambaError as `LocalEngine.generate`, but for `busy` and `disposed`.
 */
export async function* answerRequest(
  answering: Answering,
  request: GenerationRequest,
  signal: AbortSignal | undefined,
  course = new AnswerCourse(),
): AsyncGenerator<GenerationEvent, void> {
  const { model, text, ensemble, kept, overflow, forms } = answering;
  const { tokenizer, stopIds, defaults } = text;
  course.begin();
  const parsed = parseRequest(request);
  const values = resolveSampling(parsed.sampling, defaults.sampling, model.architecture.vocabSize);
  values.seed = course.seed ??= values.seed;
  const { constraint, ...form } = forms.of(parsed);
  const answer = new AnswerText(tokenizer, parsed.stop, form);
  const fitting = await overflow.fit(parsed, signal).catch(nullIfAborted);
  if (fitting === null) {
    yield* course.abort();
    return;
  }
  const { prompt, droppedTurns } = fitting;
  const promptIds = prompt.ids;
  requireKnown(promptIds, model.architecture.vocabSize);
  if ('messages' in parsed.input && parsed.input.continueLast) answer.goOnFrom(promptIds);
  course.text = answer;
  const limit = Math.min(parsed.maxTokens, model.contextLength - promptIds.length);

  if (course.ids.length > 0) {
    const replayed = replay(answer, course, stopIds, limit);
    yield* replayed.calls;
    if (replayed.finishReason) {
      course.noteRead({ promptTokens: promptIds.length, droppedTurns });
      yield course.end(replayed.finishReason);
      return;
    }
    for (const id of course.ids) constraint?.accept(id);
  }

  const { conversation } = parsed;
  const hold = await Hold.take(ensemble, { ids: promptIds, signal }).catch((error: unknown) => {
    // One that has not begun is taken back, and has no end.
    if (course.ids.length === 0) throw error;
    return nullIfAborted(error);
  });
  if (!hold) {
    yield* course.abort();
    return;
  }
  try {
    const settings = { values, limit, stopIds, promptIds, answered: [...course.ids] };
    yield* answerInTurn(answering, { fitting, settings, constraint, answer, signal, course, hold });
  } finally {
    if (hold.isHeld && conversation !== undefined) kept.note(conversation, model.state);
    hold.release();
  }
}

/** An answer that is asked for. */
interface Asked {
  fitting: FittingPrompt;
  settings: AnswerSettings & Required<Pick<AnswerSettings, 'answered'>>;
  constraint: Constraint | undefined;
  answer: AnswerText;
  signal: AbortSignal | undefined;
  course: AnswerCourse;
  /** The live sequence, which is its own at first. */
  hold: Hold;
}

/** Reads the prompt of a request, and answers. It throws as `answerRequest`. */
async function* answerInTurn(
  { model, text, states, kept }: Answering,
  { fitting, settings, constraint, answer, signal, course, hold }: Asked,
): AsyncGenerator<GenerationEvent, void> {
  const { tokenizer, stopIds } = text;
  const { prompt, parsed, droppedTurns } = fitting;
  const { promptIds, answered, limit } = settings;
  const { conversation, input } = parsed;
  const started = performance.now();
  const digest = 'messages' in input ? turnDigests(input.messages).at(-1)! : null;
  if (conversation !== undefined) {
    try {
      const shared = await sharedIds(prompt, input);
      await kept.bring(conversation, promptIds, { live: model.state, shared, digest, signal });
    } catch (error) {
      nullIfAborted(error);
      yield* course.abort();
      return;
    }
  }
  const scores = parsed.promptLogprobs !== undefined && !course.scored;
  if (scores) {
    try {
      yield* scorePrompt({ model, states, tokenizer }, promptIds, parsed.promptLogprobs!, signal);
    } catch (error) {
      nullIfAborted(error);
      yield* course.abort();
      return;
    }
    course.scored = true;
  }
  const readsAhead = 'messages' in input && input.readAhead;
  const resumption = await states.resume(promptIds, { logits: !readsAhead });
  const cachedTokens = scores ? 0 : resumption.position;
  course.noteRead({ promptTokens: promptIds.length, cachedTokens, droppedTurns });

  try {
    const plan = await planPrompt(states, prompt, fitting.parsed, resumption, model.chunkTokens);
    course.noteRead({ cacheMiss: plan.miss });
    for await (const event of readPrompt(model, states, promptIds, {
      from: resumption.position,
      cuts: plan.cuts,
      hold,
      signal,
    })) {
      // Behind text there is no news of the prompt.
      if (answered.length === 0) yield event;
    }
    // Before the header of an answer, a state is kept already. A prompt that is read ahead is kept to its end.
    if (!plan.hasHeader || limit === 0) await states.keep('prompt', { logits: !readsAhead });
    states.known.rememberPrompt(promptIds, digest);
    course.noteRead({ ms: performance.now() - started });
    // Decoding computed them in f32.
    if (answered.length > 0) await model.prefill(answered, { logits: true, exact: true, ...(signal && { signal }) });
  } catch (error) {
    nullIfAborted(error);
    if (hold.isHeld) await states.keep('rung');
    yield* course.abort();
    return;
  }
  if (limit === 0) {
    yield course.end('length');
    return;
  }

  const { logprobs } = parsed;
  try {
    for await (const piece of hold.answer(settings, { constraint, logprobs })) {
      const ended = piece.ended && stopIds.includes(piece.ids.at(-1) ?? -1);
      const step = takeIds(answer, piece.ids, ended, piece.ended || signal?.aborted === true);
      course.take(piece.ids);
      if (piece.drafts) course.noteDrafts(piece.drafts);
      const named = piece.logprobs && spelledLogprobs(tokenizer, piece.logprobs);
      const ending = ended ? named?.pop() : undefined;
      if (step.text !== '' || piece.ids.length > 0) {
        yield { type: 'text', text: step.text, ids: piece.ids, ...(named && { logprobs: named }) };
      }
      for (const call of step.calls) {
        course.takeCall();
        yield { type: 'toolCall', call };
      }
      const reason = step.stopped || ended ? 'stop' : piece.ended ? 'length' : signal?.aborted ? 'abort' : null;
      if (reason) {
        yield { ...course.end(reason), ...(ending && { logprob: ending }) };
        return;
      }
    }
  } finally {
    if (hold.isHeld) await states.keep('answer').catch(leaveToTheNext);
  }
}

/**
 * The result of tokens.
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

/** The tokens that a prompt may have in common with others: those of the system's message at its beginning. */
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

/** The answer is there: what the device refuses behind it is told to the next request. */
function leaveToTheNext(error: unknown): void {
  if (!(error instanceof BambaError)) throw error;
}

function nullIfAborted(error: unknown): null {
  if (error instanceof BambaError && error.code === 'aborted') return null;
  throw error;
}
