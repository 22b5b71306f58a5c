// The demo page: the chat element, and what only a whole page has (its colours, its first focus).

import '../element/define.ts';
import { PRESETS } from '../element/models/presets.ts';
import { LEXICON } from './lexicon.ts';
import { keepPage, offerInstallation } from './pwa.ts';
import { offerReset } from './reset-shell.ts';

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
