// The demo page: the chat element, and what only a whole page has (its colours, its first focus).

import '../element/define.ts';
import { formatNumber } from '../element/format.ts';
import { PRESETS, type ModelPreset } from '../element/models/presets.ts';
import { keepPage, offerInstallation } from './pwa.ts';
import { offerReset } from './reset-shell.ts';

/** The model that comes with the page. */
const LEXICON: ModelPreset = {
  model: './models/lexicon/',
  name: 'Lexicon',
  about: `The pocket dictionary of this page: ${formatNumber(37_216)} English words, learned by heart.`,
  licence: 'Apache 2.0, WordNet 3.0',
  parameters: 34_900_000,
  downloadBytes: 35_400_000,
  sizes: { int8: 35_400_000 },
  stateBytes: 4_500_000,
  chats: true,
  // Of each kind that it knows one: a word, a country, an element, a sum.
  suggestions: [
    ['What is an apple?', 'What kind of thing is it?'],
    ['What is the capital of France?', 'And its currency?', 'What about Spain?'],
    ['What is the symbol of iron?', 'And its atomic number?', 'What about silver?'],
    ['What is 27 + 14?', 'plus 3?', 'minus 20?'],
  ],
};

const chat = document.querySelector('bamba-chat');
if (chat) {
  // The page behind the chat shows where a phone overscrolls, and in the browser's own bars.
  const paint = (): void => {
    const { documentElement } = document;
    const { colours } = chat.dataset;
    if (colours) documentElement.dataset['colours'] = colours;
    else delete documentElement.dataset['colours'];
    const { backgroundColor } = getComputedStyle(documentElement);
    for (const meta of document.querySelectorAll('meta[name="theme-color"]'))
      meta.setAttribute('content', backgroundColor);
  };
  chat.addEventListener('bamba-theme', paint);
  paint();
  chat.suggestions = LEXICON.suggestions ?? [];
  chat.presets = [LEXICON, ...PRESETS];
  // Where focus opens a keyboard over half of the screen, the person decides when.
  if (matchMedia('(hover: hover) and (pointer: fine)').matches) {
    void chat.updateComplete.then(() => chat.focus());
  }
}

const bar = document.querySelector<HTMLElement>('.update');
if (bar) keepPage(bar);
const install = document.querySelector<HTMLButtonElement>('.install');
if (install) offerInstallation(install);
const files = document.querySelector<HTMLElement>('.files');
if (files) offerReset(files, () => location.reload());
