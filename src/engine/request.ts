import { BambaError } from '../errors.ts';
import type { ChatMessage, GenerationRequest } from './protocol.ts';

const ROLES = ['system', 'user', 'assistant'];
const FIELDS = new Set<string>([
  'messages',
  'prompt',
  'maxTokens',
  'stop',
  'temperature',
  'topK',
  'topP',
  'minP',
  'repetitionPenalty',
  'presencePenalty',
  'frequencyPenalty',
  'logitBias',
  'seed',
] satisfies (keyof GenerationRequest)[]);

/** A request's parts, checked. */
export interface ParsedRequest {
  input: { messages: ChatMessage[] } | { prompt: string };
  maxTokens: number;
  stop: string[];
  /** What is left: the sampling settings. */
  sampling: object;
}

/**
 * Checks what a request says apart from sampling.
 * @throws BambaError `setting_invalid`, `prompt_empty`, with the field's name.
 */
export function parseRequest(request: GenerationRequest): ParsedRequest {
  const unknown = Object.keys(request).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) {
    throw new BambaError('setting_invalid', `There is no setting ${JSON.stringify(unknown)}.`);
  }
  const { messages, prompt, maxTokens, stop, ...sampling } = request;
  if ((messages === undefined) === (prompt === undefined)) {
    throw new BambaError('setting_invalid', 'Give either messages or prompt.');
  }
  if (maxTokens !== undefined && (!Number.isSafeInteger(maxTokens) || maxTokens < 1)) {
    throw new BambaError('setting_invalid', `maxTokens is ${String(maxTokens)}; give a whole number from 1 on.`);
  }
  const stops = stop === undefined ? [] : Array.isArray(stop) ? stop : [stop];
  if (stops.some((text) => typeof text !== 'string')) {
    throw new BambaError('setting_invalid', 'stop takes a string or a list of strings.');
  }
  return {
    input: messages === undefined ? { prompt: checkPrompt(prompt) } : { messages: checkMessages(messages) },
    maxTokens: maxTokens ?? Infinity,
    stop: stops,
    sampling,
  };
}

function checkPrompt(prompt: unknown): string {
  if (typeof prompt !== 'string') throw new BambaError('setting_invalid', 'prompt takes a string.');
  if (prompt === '') throw new BambaError('prompt_empty', 'The prompt is empty: there is nothing to continue.');
  return prompt;
}

function checkMessages(messages: unknown): ChatMessage[] {
  if (!Array.isArray(messages)) throw new BambaError('setting_invalid', 'messages takes a list of messages.');
  const list = messages as Partial<ChatMessage>[];
  for (const [index, message] of list.entries()) {
    if (!ROLES.includes(message?.role ?? '') || typeof message.content !== 'string') {
      throw new BambaError(
        'setting_invalid',
        `Message ${index + 1} needs a role (${ROLES.join(', ')}) and a content that is a string.`,
      );
    }
  }
  const last = list.at(-1);
  if (!last || (last.role === 'user' && last.content!.trim() === '')) {
    throw new BambaError('prompt_empty', 'There is no question: the last message is empty.');
  }
  return list as ChatMessage[];
}
