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

const FILE = new URL('../text/fixtures/lexicon-chats.json', import.meta.url);
const chats = JSON.parse(readFileSync(FILE, 'utf8')) as GoldenChat[];

/** First questions of the chats that are typed into the page; the others are answered in Node. */
const TYPED = [
  'Who are you?',
  'What is an apple?',
  'What is the opposite of hot?',
  'Define gravity.',
  'What is another word for happy?',
  'What is 27 + 46?',
];

const isTyped = ([first]: GoldenChat): boolean => TYPED.includes(first?.question ?? '');

/** Chats that the end-to-end tests type into the page, some with follow-up questions. */
export const typedChats: readonly GoldenChat[] = chats.filter(isTyped);
/** All other chats. */
export const otherChats: readonly GoldenChat[] = chats.filter((chat) => !isTyped(chat));

/** The one turn of a typed chat with this question. @throws Error where there is none. */
export function typedTurn(question: string): GoldenTurn {
  const turn = typedChats.flat().find((one) => one.question === question);
  if (!turn) throw new Error(`No typed chat has the question ${question}`);
  return turn;
}

/** The chat with this first question. @throws Error where there is none. */
export function chatThatBegins(question: string): GoldenChat {
  const chat = chats.find(([first]) => first?.question === question);
  if (!chat) throw new Error(`No chat begins with ${question}`);
  return chat;
}
