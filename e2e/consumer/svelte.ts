import 'bamba-web/svelte';
import type { SvelteHTMLElements } from 'svelte/elements';

/** The types that checkers of components read. */
type Chat = SvelteHTMLElements['bamba-chat'];

export const right: Chat = {
  id: 'chat',
  model: '/models/lexicon/',
  temperature: 0.7,
  'max-tokens': '64',
  suggestions: ['What is an apple?'],
  'onbamba-answer': ({ detail }) => console.log(detail.answer),
};

// @ts-expect-error a number
export const text: Chat = { temperature: '0.7' };
// @ts-expect-error no such attribute
export const misspelt: Chat = { modle: '/models/lexicon/' };
// @ts-expect-error an answer has no sentence
export const wrong: Chat = { 'onbamba-answer': ({ detail }) => console.log(detail.sentence) };
