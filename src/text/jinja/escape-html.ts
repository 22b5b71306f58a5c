import { escapeCharacters } from './print.ts';
import { isSafe, markSafe, type Str } from './text.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};

/** Text as safe HTML: what is that already stays. */
export function escapeHtml(text: Str): Str {
  return isSafe(text)
    ? text
    : markSafe(escapeCharacters(text, /[&<>'"]/, (character) => ENTITIES[character] ?? character));
}
