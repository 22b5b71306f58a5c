// The demo page: the chat element, and what only a whole page has (its colours, its first focus).

import '../element/define.ts';

const QUESTIONS = [
  'What is an apple?',
  'What is the capital of Japan?',
  'What is another word for happy?',
  'What is 27 + 46?',
];

const chat = document.querySelector('bamba-chat');
if (chat) {
  // The page behind the chat shows where a phone overscrolls, and in the browser's own bars.
  const paint = (): void => {
    const colours = chat.dataset['colours'] ?? 'light';
    document.documentElement.dataset['colours'] = colours;
    const ground = getComputedStyle(document.documentElement).getPropertyValue('--ground').trim();
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) meta.setAttribute('content', ground);
  };
  chat.addEventListener('bamba-theme', paint);
  paint();
  chat.suggestions = QUESTIONS;
  // Where focus opens a keyboard over half of the screen, the person decides when.
  if (matchMedia('(hover: hover) and (pointer: fine)').matches) {
    void chat.updateComplete.then(() => chat.focus());
  }
}
