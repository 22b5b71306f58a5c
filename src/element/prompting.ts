// The request to the engine: a chat, where the model has a chat template; else a text to continue.

import type { ChatMessage, EngineInfo, GenerationRequest } from '../engine/protocol.ts';
import { newTurnId } from './chats/ids.ts';
import type { Turn } from './conversation.ts';

/** A model that only continues text has no end of its own in mind: so many tokens at a time. */
const COMPLETION_TOKENS = 256;

/**
 * The request for the last of some turns. Where its answer has begun, that goes on.
 *
 * @param system put before a chat; nothing when it is empty
 */
export function requestFor(turns: readonly Turn[], { model }: EngineInfo, system: string): GenerationRequest {
  return model.hasChatTemplate ? chatRequest(turns, system) : completionRequest(turns);
}

function chatRequest(turns: readonly Turn[], system: string): GenerationRequest {
  const said: ChatMessage[] = system.trim() === '' ? [] : [{ role: 'system', content: system }];
  const last = turns.at(-1);
  // An answer that has begun goes on.
  if (last && last.answer !== '') return { messages: [...said, ...messagesOf(turns)], continueLast: true };
  return { messages: [...said, ...messagesOf(turns.slice(0, -1)), { role: 'user', content: last?.question ?? '' }] };
}

/** Turns as messages. A question that got no answer is left out: a model expects the two to alternate. */
export function messagesOf(turns: readonly Turn[]): ChatMessage[] {
  return turns.flatMap(({ question, answer }): ChatMessage[] =>
    answer === ''
      ? []
      : [
          { role: 'user', content: question },
          { role: 'assistant', content: answer },
        ],
  );
}

/** Messages as turns. A system message is not one of them; an answer without a question stands alone. */
export function turnsOf(messages: readonly ChatMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const { role, content } of messages) {
    const last = turns.at(-1);
    const id = newTurnId(last?.id);
    if (role === 'user') turns.push({ id, question: content, answer: '', status: 'done' });
    else if (role === 'assistant' && last?.answer === '') turns[turns.length - 1] = { ...last, answer: content };
    else if (role === 'assistant') turns.push({ id, question: '', answer: content, status: 'done' });
  }
  return turns;
}

/**
 * The request for the last of `turns` as one text to go on with: everything written so far, by both, in its order. The
 * person's addition to a continued text begins on a line of its own.
 */
function completionRequest(turns: readonly Turn[]): GenerationRequest {
  let prompt = '';
  for (const { question, answer } of turns)
    prompt += (prompt === '' || prompt.endsWith('\n') ? '' : '\n') + question + answer;
  return { prompt, maxTokens: COMPLETION_TOKENS };
}
