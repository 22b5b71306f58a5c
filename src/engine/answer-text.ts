import type { ChosenLogprob as ChosenId } from '../generate/logprobs.ts';
import { StopMatcher } from '../generate/stop.ts';
import { createDetokenizer, type Detokenizer } from '../text/detokenize.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { ToolCallParser } from '../text/tool-calls.ts';
import type { AnswerForm } from './answer-form.ts';
import type { ChosenLogprob, TokenLogprob, ToolCall } from './protocol.ts';

/** What tokens led to. */
export interface AnswerStep {
  text: string;
  calls: ToolCall[];
  /** A stop string is complete: the answer ends before it. */
  stopped: boolean;
}

/** From the tokens of an answer to what is shown of it: text without stop strings, and calls of tools. */
export class AnswerText {
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopMatcher;
  readonly #calls: ToolCallParser | null;

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

  push(ids: readonly number[]): AnswerStep {
    const { text, stopped } = this.#stops.push(this.#detokenizer.push(ids));
    return { ...this.#split(text), stopped };
  }

  /** Ends the answer: releases what was held back. */
  finish(): AnswerStep {
    const { text, stopped } = this.#stops.push(this.#detokenizer.flush());
    const step = this.#split(text + (stopped ? '' : this.#stops.flush()));
    return { ...step, text: step.text + (this.#calls?.flush() ?? ''), stopped };
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
