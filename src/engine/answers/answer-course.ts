import type { BambaError } from '../../errors.ts';
import type { Drafts } from '../../generate/generate.ts';
import type { AnswerText } from './answer-text.ts';
import type { CacheMiss, FinishReason, GenerationEvent, Usage } from '../protocol.ts';

/** How much of an answer has been yielded: what another engine goes on from, or the same one after a loss. */
export interface ResumePoint {
  /** Tokens of the answer, in order. */
  readonly ids: readonly number[];
  /** Calls of tools among them. */
  readonly calls: number;
}

/** The facts about a prompt that is being read, or has been. */
export interface PromptRead extends Pick<Usage, 'promptTokens' | 'cachedTokens'> {
  /** Milliseconds that it took; 0 until it is read. */
  ms: number;
  cacheMiss: CacheMiss | null;
  droppedTurns: number;
}

/** Losses that one answer is carried over. */
const MOST_LOSSES = 3;

/** One answer, over all attempts at it: what has been yielded, what it was drawn with, and since when. */
export class AnswerCourse {
  readonly #ids: number[];
  #calls: number;
  #losses = 0;
  #retried = false;
  readonly #started = performance.now();
  /** When the first token came, of all attempts and of the last one. */
  #firstToken = 0;
  #firstOfAttempt = 0;
  #idsBefore = 0;
  #drafts: Drafts = { accepted: 0, drafted: 0 };
  #read: PromptRead = { promptTokens: 0, cachedTokens: 0, ms: 0, cacheMiss: null, droppedTurns: 0 };
  /** The sampler's seed, once it is known: a continued answer draws as it began. */
  seed: number | undefined;
  /** Whether the log-probabilities of the prompt were yielded. */
  scored = false;
  /** The text that the last attempt made of the tokens so far. */
  text: AnswerText | undefined;

  constructor({ ids, calls }: ResumePoint = { ids: [], calls: 0 }) {
    this.#ids = [...ids];
    this.#calls = calls;
  }

  get ids(): readonly number[] {
    return this.#ids;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Another attempt begins: speeds are those of the last one. */
  begin(): void {
    this.#firstOfAttempt = 0;
    this.#idsBefore = this.#ids.length;
  }

  /** Adds the facts about the prompt that are known by now. */
  noteRead(read: Partial<PromptRead>): void {
    Object.assign(this.#read, read);
  }

  /** Tokens have come, and are about to be yielded. */
  take(ids: readonly number[]): void {
    this.#firstOfAttempt ||= performance.now();
    this.#firstToken ||= this.#firstOfAttempt;
    this.#ids.push(...ids);
  }

  /** A step verified drafts. */
  noteDrafts({ accepted, drafted }: Drafts): void {
    this.#drafts = { accepted: this.#drafts.accepted + accepted, drafted: this.#drafts.drafted + drafted };
  }

  /** A call is about to be yielded. */
  takeCall(): void {
    this.#calls++;
  }

  /**
   * Whether another attempt goes on after a fault. A device that is lost says little of the answer; what else went wrong is
   * likely to do so again.
   */
  mayGoOn({ code }: BambaError): boolean {
    if (code === 'device_lost' || code === 'worker_failed') return ++this.#losses <= MOST_LOSSES;
    if (this.#retried) return false;
    this.#retried = true;
    return true;
  }

  /** The last events of an answer that is aborted where no more tokens are computed. */
  *abort(): Generator<GenerationEvent, void> {
    const { text = '', calls = [] } = this.text?.finish() ?? {};
    if (text !== '') yield { type: 'text', text, ids: [] };
    for (const call of calls) yield { type: 'toolCall', call };
    yield this.end('abort');
  }

  /** The last event, as one says it that knows only the last attempt. */
  since({ usage, ...event }: GenerationEvent & { type: 'end' }): GenerationEvent {
    return { ...event, usage: { ...usage, timeToFirstTokenS: this.#timeToFirstTokenS } };
  }

  get #timeToFirstTokenS(): number {
    return this.#firstToken === 0 ? 0 : (this.#firstToken - this.#started) / 1000;
  }

  /** The last event. */
  end(finishReason: FinishReason): GenerationEvent & { type: 'end' } {
    const { promptTokens, cachedTokens, ms, cacheMiss, droppedTurns } = this.#read;
    const decodeMs = this.#firstOfAttempt === 0 ? 0 : performance.now() - this.#firstOfAttempt;
    const { accepted, drafted } = this.#drafts;
    const usage: Usage = {
      promptTokens,
      cachedTokens,
      completionTokens: this.#ids.length,
      timeToFirstTokenS: this.#timeToFirstTokenS,
      prefillTokensPerS: perSecond(promptTokens - cachedTokens, ms),
      decodeTokensPerS: perSecond(this.#ids.length - this.#idsBefore - 1, decodeMs),
      ...(cacheMiss && { cacheMiss }),
      ...(droppedTurns > 0 && { droppedTurns }),
      ...(drafted > 0 && { acceptance: accepted / drafted }),
    };
    return { type: 'end', finishReason, usage };
  }
}

function perSecond(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
