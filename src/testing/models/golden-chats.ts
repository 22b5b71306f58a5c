import { readFileSync } from 'node:fs';

// Chats with Lexicon as its original weights answer them, greedily. Together the two halves are all of them.

/** A question and its answer; the prompt's ids are those of the whole chat so far. */
export interface GoldenTurn {
  question: string;
  answer: string;
  prompt_ids: number[];
  answer_ids: number[];
}

export type GoldenChat = GoldenTurn[];

const FILE = new URL('../../text/fixtures/lexicon-chats.json', import.meta.url);
const chats = JSON.parse(readFileSync(FILE, 'utf8')) as GoldenChat[];

/**
 * First questions of the chats that are typed into the page; Node answers the others. These have short answers, follow-up
 * questions ("plus 3?", "And the opposite?"), and refusals of what the model does not know.
 */
const TYPED = [
  'What is 27 + 46?',
  'What is 27 + 14?',
  'What is another word for happy?',
  'What is the symbol of gold?',
  'What is a flornup?',
];

const isTyped = ([first]: GoldenChat): boolean => TYPED.includes(first?.question ?? '');

/** Chats that the end-to-end tests type into the page, some with follow-up questions. */
export const typedChats: readonly GoldenChat[] = chats.filter(isTyped);
/** All other chats. */
export const otherChats: readonly GoldenChat[] = chats.filter((chat) => !isTyped(chat));

/** The first chat that begins with this question. @throws Error where there is none. */
export function goldenChat(question: string): GoldenChat {
  const chat = chats.find(([first]) => first?.question === question);
  if (!chat) throw new Error(`No chat begins with ${question}`);
  return chat;
}

/** A question that a chat begins with, and its answer. @throws Error where there is none. */
export function goldenTurn(question: string): GoldenTurn {
  return goldenChat(question)[0]!;
}
