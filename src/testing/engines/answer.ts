import type { LocalEngine } from '../../engine/local-engine.ts';
import type {
  ChatMessage,
  ChosenLogprob,
  FinishReason,
  GenerationRequest,
  ToolCall,
  Usage,
} from '../../engine/protocol.ts';

/** All that one answer consisted of. */
export interface Answer {
  text: string;
  ids: number[];
  /** Progress over the prompt, in order. */
  processed: number[];
  /** Of every id, where they were asked for. */
  logprobs: ChosenLogprob[];
  calls: ToolCall[];
  finishReason: FinishReason;
  usage: Usage;
}

/**
 * Takes an answer to its end.
 * @param onText called with the tokens so far after each piece of text; returns whether to abort
 */
export async function take(
  engine: LocalEngine,
  request: GenerationRequest,
  onText: (tokens: number) => boolean = () => false,
): Promise<Answer> {
  const abort = new AbortController();
  const answer: Partial<Answer> & Pick<Answer, 'text' | 'ids' | 'processed' | 'logprobs' | 'calls'> = {
    text: '',
    ids: [],
    processed: [],
    logprobs: [],
    calls: [],
  };
  for await (const event of engine.generate(request, { signal: abort.signal })) {
    if (event.type === 'prefill') answer.processed.push(event.processed);
    if (event.type === 'text') {
      answer.text += event.text;
      answer.ids.push(...event.ids);
      answer.logprobs.push(...(event.logprobs ?? []));
      if (onText(answer.ids.length)) abort.abort();
    }
    if (event.type === 'toolCall') answer.calls.push(event.call);
    if (event.type === 'end') Object.assign(answer, { finishReason: event.finishReason, usage: event.usage });
  }
  if (!answer.finishReason) throw new Error('The answer ended without an end.');
  return answer as Answer;
}

/** A chat of questions and answers in turns, the first and the last from the user. */
export function chatOf(...contents: string[]): ChatMessage[] {
  return contents.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }));
}
