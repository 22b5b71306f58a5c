// Chats as they are kept, exported and imported: plain data. Each record is checked when it is read. An earlier version,
// another tool or a broken disk may have written it. It is mended where possible, and else passed over.

import * as v from 'valibot';
import type { Turn } from '../conversation.ts';
import { ownSettingsSchema, type OwnSettings } from '../settings/own-settings.ts';
import type { TurnId } from './ids.ts';

/** A turn as it is kept. */
export type StoredTurn = Pick<Turn, 'id' | 'after' | 'instead' | 'question' | 'answer' | 'finishReason' | 'usage'> & {
  readonly status: 'done' | 'stopped' | 'failed';
};

/** The facts of a chat that the list shows. */
export interface ChatSummary {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When a turn was added or changed last. */
  readonly updatedAt: number;
  /** Name of the model that answered last. */
  readonly model: string;
  /** It stands before all others. */
  readonly pinned?: true;
}

/** A whole chat. */
export interface ChatRecord extends ChatSummary, ChatDetails {
  /** All versions of all turns, in the order of their names. */
  readonly turns: readonly StoredTurn[];
}

/** The facts of a chat that the list does not show, besides its turns. */
export interface ChatDetails {
  /** A turn of those that are shown, where another version could be; the newest one's where it is undefined. */
  readonly tip?: TurnId;
  /** Settings of its own, in the place of the model's. */
  readonly own?: OwnSettings;
}

/** A chat as it is in the database at one moment. */
export interface LoadedChat extends ChatRecord {
  /** Grows with every change, in whatever tab: another number says that somebody else has changed the chat. */
  readonly revision: number;
  /** Turns that cannot be read; they stay where they are. */
  readonly unreadable: number;
}

/** Titles that are made of a question are cut to this. */
const TITLE_CHARACTERS = 60;

/** Titles that a person gives are cut to this. */
const LONGEST_TITLE = 200;

const count = v.pipe(v.number(), v.finite(), v.minValue(0));
const usageSchema = v.object({
  promptTokens: count,
  cachedTokens: count,
  completionTokens: count,
  timeToFirstTokenS: count,
  prefillTokensPerS: count,
  decodeTokensPerS: count,
});

/** A turn's place in a file, counted from 1. */
const place = v.pipe(v.number(), v.integer(), v.minValue(1));

/** A turn in a file. */
export const turnSchema = v.object({
  after: v.optional(place),
  instead: v.optional(place),
  question: v.string(),
  answer: v.optional(v.string(), ''),
  status: v.optional(v.picklist(['done', 'stopped', 'failed']), 'done'),
  finishReason: v.optional(v.picklist(['stop', 'length', 'abort'])),
  usage: v.optional(usageSchema),
});

/** A chat in a file; what it does not say is filled in. */
export const chatSchema = v.object({
  id: v.optional(v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/))),
  title: v.optional(v.string(), ''),
  createdAt: v.optional(count),
  updatedAt: v.optional(count),
  model: v.optional(v.string(), ''),
  pinned: v.optional(v.literal(true)),
  own: v.optional(ownSettingsSchema),
  tip: v.optional(place),
  turns: v.pipe(
    v.array(turnSchema),
    v.everyItem(
      ({ after, instead }, index) => Math.max(after ?? 0, instead ?? 0) <= index,
      'A turn names another one that does not come before it',
    ),
  ),
});

/** The turns. Of a turn in which nothing was, there is nothing to show. */
const said = v.fallback(v.optional(v.string(), ''), '');

/** The second part of a turn's key: a number in chats of files and of earlier versions, else a `newTurnId`. */
export const turnIdSchema = v.union([v.number(), v.string()]);

/** The name of another turn; where that cannot be read, there is none. */
const otherTurn = v.fallback(v.optional(turnIdSchema), undefined);

/** A turn in the database; its key says its id. */
const keptTurnSchema = v.pipe(
  v.object({
    after: otherTurn,
    instead: otherTurn,
    question: said,
    answer: said,
    status: v.fallback(v.picklist(['done', 'stopped', 'failed']), 'stopped'),
    finishReason: v.fallback(v.optional(v.picklist(['stop', 'length', 'abort'])), undefined),
    usage: v.fallback(v.optional(usageSchema), undefined),
  }),
  v.check(({ question, answer }) => question !== '' || answer !== ''),
);

const keptChatSchema = v.object({
  id: v.string(),
  title: v.fallback(v.pipe(v.string(), v.transform(oneLine), v.nonEmpty()), 'Chat'),
  createdAt: v.fallback(count, 0),
  updatedAt: v.fallback(count, 0),
  model: v.fallback(v.pipe(v.string(), v.transform(oneLine)), ''),
  revision: v.fallback(count, 0),
  pinned: v.fallback(v.optional(v.literal(true)), undefined),
  tip: otherTurn,
  own: v.fallback(v.optional(ownSettingsSchema), undefined),
});

/** A chat without its turns, as the database has it; undefined where that cannot be read. */
export function readChat(value: unknown): { summary: ChatSummary; details: ChatDetails; revision: number } | undefined {
  const parsed = v.safeParse(keptChatSchema, value);
  if (!parsed.success) return undefined;
  const { revision, tip, own, ...summary } = parsed.output;
  return { summary: withoutUndefined(summary), details: withoutUndefined({ tip, own }), revision };
}

/** A turn as the database has it under `id`; undefined where it cannot be read. */
export function readTurn(id: unknown, value: unknown): StoredTurn | undefined {
  const key = v.safeParse(turnIdSchema, id);
  const turn = v.safeParse(keptTurnSchema, value);
  if (!key.success || !turn.success) return undefined;
  return { id: key.output, ...withoutUndefined(turn.output) };
}

/** The same without what is undefined, which is not kept. */
function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** A text without line breaks, not longer than the list of chats can bear. */
export function oneLine(text: string): string {
  const line = text
    .slice(0, 4 * LONGEST_TITLE)
    .trim()
    .replaceAll(/\s+/g, ' ');
  return line.slice(0, LONGEST_TITLE).replace(/[\ud800-\udbff]$/, '');
}

/**
 * The beginning of a question, on one line.
 *
 * @example
 * titleOf('What is\nan apple?'); // 'What is an apple?'
 */
export function titleOf(question: string): string {
  const line = oneLine(question);
  if (line.length <= TITLE_CHARACTERS) return line;
  const cut = line.slice(0, TITLE_CHARACTERS);
  // Between words where there is a space to cut at, and never through a surrogate pair.
  return `${cut.replace(/\s\S{0,20}$/, '').replace(/[\ud800-\udbff]$/, '')}…`;
}

/**
 * A turn as it is to be kept at this moment. An answer that is being written counts as stopped, which it is should the
 * page close now.
 */
export function storedTurn({ id, after, instead, question, answer, status, finishReason, usage }: Turn): StoredTurn {
  const settled = status === 'done' || status === 'failed' ? status : 'stopped';
  return withoutUndefined({ id, after, instead, question, answer, status: settled, finishReason, usage });
}
