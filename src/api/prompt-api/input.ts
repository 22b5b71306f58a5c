// The input of a session, checked, and in the engine's terms.

import type { ChatMessage } from '../../engine/protocol.ts';
import { fault } from './faults.ts';
import type {
  LanguageModelCreateCoreOptions,
  LanguageModelMessage,
  LanguageModelMessageContent,
  LanguageModelPrompt,
} from './types.ts';

/** Messages, and whether the answer goes on with the last one. */
export interface Input {
  messages: ChatMessage[];
  prefix: boolean;
}

const ROLES: readonly unknown[] = ['system', 'user', 'assistant'];
const TYPES: readonly unknown[] = ['text', 'image', 'audio', 'tool-call', 'tool-response'];

/**
 * Reads a prompt.
 * @param begun whether the conversation has a message already
 * @throws TypeError for a value that is no prompt, and for a system message that is not the first of all; DOMException
 * `SyntaxError` for a prefix that is not the assistant's last message, `NotSupportedError` for content that is not text
 */
export function readPrompt(input: LanguageModelPrompt, begun: boolean): Input {
  if (typeof input === 'string') return { messages: [{ role: 'user', content: input }], prefix: false };
  if (!Array.isArray(input)) throw new TypeError('A prompt is a string, or a list of messages.');
  const list = input as readonly LanguageModelMessage[];
  if (list.length === 0) return { messages: [{ role: 'user', content: '' }], prefix: false };
  const messages = list.map((message, index) => readMessage(message, begun || index > 0));
  const prefixed = list.findIndex(({ prefix = false }) => prefix);
  if (prefixed >= 0 && (prefixed < list.length - 1 || messages[prefixed]!.role !== 'assistant')) {
    throw fault('SyntaxError', 'prefix goes with the last message, and that has to be the assistant’s.');
  }
  // An answer without a first word is one that was not begun.
  const begins = prefixed >= 0 && messages[prefixed]!.content !== '';
  return { messages: prefixed >= 0 && !begins ? messages.slice(0, -1) : messages, prefix: begins };
}

/** As `readPrompt`, for messages that nothing answers. @throws DOMException `NotSupportedError` for a prefix. */
export function readMessages(input: LanguageModelPrompt, begun: boolean): ChatMessage[] {
  const { messages, prefix } = readPrompt(input, begun);
  if (prefix)
    throw fault('NotSupportedError', 'prefix goes with prompt() and promptStreaming(): nothing answers here.');
  return messages;
}

function readMessage(message: LanguageModelMessage, behind: boolean): ChatMessage {
  const { role, content } = message ?? {};
  if (!ROLES.includes(role)) throw new TypeError('A message has a role: system, user or assistant.');
  if (role === 'system' && behind) throw new TypeError('A system message is the first of a conversation, or none.');
  if (typeof content === 'string') return { role, content };
  if (!Array.isArray(content)) throw new TypeError('A message has a content: a string, or a list of parts.');
  return { role, content: (content as readonly LanguageModelMessageContent[]).map(readPart).join('') };
}

function readPart({ type, value }: LanguageModelMessageContent): string {
  if (!TYPES.includes(type)) throw new TypeError(`There is no content of type ${JSON.stringify(type)}.`);
  if (type !== 'text') throw fault('NotSupportedError', `This model takes text alone, and no ${type}.`);
  if (typeof value !== 'string') throw new TypeError('The value of a text is a string.');
  return value;
}

/**
 * Whether what a page counts on can be.
 * @throws TypeError for a type that there is none of; RangeError for what is no tag of a language
 */
export function isExpected({ expectedInputs, expectedOutputs, tools }: LanguageModelCreateCoreOptions): boolean {
  const called = (tools?.length ?? 0) > 0;
  const sides = [
    { expected: expectedInputs ?? [], own: 'tool-response' },
    { expected: expectedOutputs ?? [], own: 'tool-call' },
  ];
  return sides
    .flatMap(({ expected, own }) =>
      expected.map(({ type, languages = [] }) => {
        if (!TYPES.includes(type)) throw new TypeError(`There is no type ${JSON.stringify(type)}.`);
        Intl.getCanonicalLocales([...languages]);
        return type === 'text' || (called && type === own);
      }),
    )
    .every(Boolean);
}
