import type { ChosenLogprob as ChosenId } from '../../generate/logprobs.ts';
import { StopMatcher } from '../../generate/stop.ts';
import { createDetokenizer, type Detokenizer } from '../../text/detokenize.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { ToolCallParser } from '../../text/tool-calls.ts';
import type { AnswerForm } from './answer-form.ts';
import type { ChosenLogprob, TokenLogprob, ToolCall } from '../protocol.ts';

/** The result of some tokens. */
export interface AnswerStep {
  text: string;
  calls: ToolCall[];
  /** A stop string is complete: the answer ends before it. */
  stopped: boolean;
}

/** So many tokens before an answer decide how its first one is spelled, or more where they begin within a character. */
const TAIL = 8;
const REPLACEMENT = '\ufffd';

/** From the tokens of an answer to what is shown of it: text without stop strings, and calls of tools. */
export class AnswerText {
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopMatcher;
  readonly #calls: ToolCallParser | null;
  /** Characters of what the answer goes on from that have not come back yet: they are no part of it. */
  #before = 0;

  /** @throws BambaError `setting_invalid` for stop strings that cannot be matched */
  constructor(
    tokenizer: Tokenizer,
    stop: readonly string[],
    { toolFormat, shown }: Pick<AnswerForm, 'toolFormat' | 'shown'>,
  ) {
    this.#detokenizer = createDetokenizer(tokenizer, shown);
    this.#stops = new StopMatcher(stop);
    this.#calls = toolFormat && new ToolCallParser(toolFormat);
  }

  /**
   * Goes on from the end of a text. The next token may form one word with it: at the beginning of a text, a token may
   * be spelled in another way.
   *
   * @param ids tokens of that text
   */
  goOnFrom(ids: readonly number[]): void {
    const spell = (tail: readonly number[]) => this.#detokenizer.push(tail) + this.#detokenizer.flush();
    let tail = ids.slice(-TAIL);
    let text = spell(tail);
    // Bytes of half a character would spoil those that follow.
    while (text.startsWith(REPLACEMENT) && tail.length < ids.length) {
      tail = ids.slice(-2 * tail.length);
      text = spell(tail);
    }
    this.#before = text.length;
    this.#take(this.#detokenizer.push(tail));
  }

  push(ids: readonly number[]): AnswerStep {
    const { text, stopped } = this.#stops.push(this.#take(this.#detokenizer.push(ids)));
    return { ...this.#split(text), stopped };
  }

  /** Ends the answer: releases what was held back. */
  finish(): AnswerStep {
    const { text, stopped } = this.#stops.push(this.#take(this.#detokenizer.flush()));
    const step = this.#split(text + (stopped ? '' : this.#stops.flush()));
    return { ...step, text: step.text + (this.#calls?.flush() ?? ''), stopped };
  }

  /** A piece of text without what was there before. */
  #take(text: string): string {
    const rest = text.slice(this.#before);
    this.#before -= text.length - rest.length;
    return rest;
  }

  #split(text: string): { text: string; calls: ToolCall[] } {
    if (!this.#calls) return { text, calls: [] };
    const step = this.#calls.push(text);
    return { text: step.text, calls: step.calls.map((call) => ({ id: callId(), ...call })) };
  }
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Nine letters and digits: there are templates that take no other form. */
function callId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/** Log-probabilities with the texts of their tokens. */
export function spelledLogprobs(tokenizer: Tokenizer, tokens: readonly ChosenId[]): ChosenLogprob[] {
  const spell = ({ id, logprob }: { id: number; logprob: number }): TokenLogprob => {
    const bytes = tokenizer.tokenBytes(id);
    return {
      id,
      token: tokenizer.decode([id], { skipSpecialTokens: false }),
      bytes: bytes && [...bytes],
      logprob,
    };
  };
  return tokens.map(({ top, ...chosen }) => ({ ...spell(chosen), top: top.map(spell) }));
}
