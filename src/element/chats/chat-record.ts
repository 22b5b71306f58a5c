// Chats as they are kept, exported and imported: plain data, checked where it comes from outside.

import * as v from 'valibot';
import type { Turn } from '../conversation.ts';

/** A turn as it is kept. */
export type StoredTurn = Pick<Turn, 'id' | 'question' | 'answer' | 'finishReason' | 'usage'> & {
  readonly status: 'done' | 'stopped' | 'failed';
};

/** What the list shows of a chat. */
export interface ChatSummary {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When a turn was added or changed last. */
  readonly updatedAt: number;
  /** Name of the model that answered last. */
  readonly model: string;
}

/** A whole chat. */
export interface ChatRecord extends ChatSummary {
  readonly turns: readonly StoredTurn[];
}

/** Titles longer than this are cut. */
const TITLE_CHARACTERS = 60;

const count = v.pipe(v.number(), v.finite(), v.minValue(0));
const usageSchema = v.object({
  promptTokens: count,
  cachedTokens: count,
  completionTokens: count,
  timeToFirstTokenS: count,
  prefillTokensPerS: count,
  decodeTokensPerS: count,
});

/** A turn in a file. */
export const turnSchema = v.object({
  question: v.string(),
  answer: v.optional(v.string(), ''),
  status: v.optional(v.picklist(['done', 'stopped', 'failed']), 'done'),
  finishReason: v.optional(v.picklist(['stop', 'length', 'abort'])),
  usage: v.optional(usageSchema),
});

/** A chat in a file; what it does not say is filled in. */
export const chatSchema = v.object({
  title: v.optional(v.string(), ''),
  createdAt: v.optional(count),
  updatedAt: v.optional(count),
  model: v.optional(v.string(), ''),
  turns: v.array(turnSchema),
});

/** A name for something new, in this browser and in any other. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The beginning of a question, on one line.
 *
 * @example
 * titleOf('What is\nan apple?'); // 'What is an apple?'
 */
export function titleOf(question: string): string {
  const line = question.trim().replaceAll(/\s+/g, ' ');
  if (line.length <= TITLE_CHARACTERS) return line;
  const cut = line.slice(0, TITLE_CHARACTERS);
  // Between words where there is a space to cut at, and never through a surrogate pair.
  return `${cut.replace(/\s\S{0,20}$/, '').replace(/[\ud800-\udbff]$/, '')}…`;
}

/**
 * A turn as it is to be kept at this moment. An answer that is being written counts as stopped, which it is should the
 * page close now.
 */
export function storedTurn({ id, question, answer, status, finishReason, usage }: Turn): StoredTurn {
  const settled = status === 'done' || status === 'failed' ? status : 'stopped';
  return {
    id,
    question,
    answer,
    status: settled,
    ...(finishReason && { finishReason }),
    ...(usage && { usage }),
  };
}
