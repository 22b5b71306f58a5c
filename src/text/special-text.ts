// Keeps what a user typed from acting as a special token: `<|im_end|>` in a message must not end the message.
//
// The template sees messages as they are. Its text knows of each character who wrote it, so the special tokens in a prompt
// that are not the template's own are found afterwards. A mark breaks them up: a private-use character that occurs nowhere
// in the prompt. The prompt is cut at the special tokens that are left, and then the marks are taken out.

import { BambaError } from '../errors.ts';
import { MESSAGE, NAME, originOf, plain, type Str } from './jinja/text.ts';

/** A prompt in which only the template's own special tokens can be read, with the mark that prevents others. */
export interface MarkedText {
  readonly text: string;
  readonly mark: string;
}

/**
 * Marks a prompt. A special token stays one if the template wrote it, or completed it with a role: `'<|' + role + '|>'`. Two
 * kinds cannot be marked, and stay special in messages. The first is a token of a single character. The second is another
 * spelling of a token that the tokenizer looks for in normalized text.
 *
 * @param prompt as the template wrote it
 * @param specials strings of the special tokens
 * @returns null when the prompt has no special token but the template's own
 * @throws BambaError `template_failed` when the prompt uses up all 137,468 private-use characters
 */
export function markSpecialTokens(prompt: Str, specials: readonly string[]): MarkedText | null {
  if (typeof prompt === 'string') return null;
  const text = plain(prompt);
  const places = specials.flatMap((special) => placesOf(special, text, originOf(prompt)));
  if (places.length === 0) return null;
  const mark = unusedCharacter(text + specials.join(''));
  return { text: insertAt(text, places, mark), mark };
}

/** Where to break up a special token that is not the template's own. */
function placesOf(special: string, text: string, origin: string): number[] {
  const places: number[] = [];
  const width = String.fromCodePoint(special.codePointAt(0) ?? 0).length;
  if (special.length <= width) return places;
  for (let at = text.indexOf(special); at >= 0; at = text.indexOf(special, at + 1)) {
    const authors = origin.slice(at, at + special.length);
    const foreign = authors.indexOf(MESSAGE);
    const isName = authors === NAME.repeat(special.length);
    // Beside a character of a message: a token of the template that overlaps stays whole.
    if (foreign >= 0 || isName) places.push(at + (foreign > 0 ? foreign : width));
  }
  return places;
}

function insertAt(text: string, places: readonly number[], mark: string): string {
  let result = '';
  let end = 0;
  for (const place of [...new Set(places)].toSorted((a, b) => a - b)) {
    result += text.slice(end, place) + mark;
    end = place;
  }
  return result + text.slice(end);
}

/** The private-use areas of Unicode: one in the basic plane, two whole planes. */
const PRIVATE_USE = [
  [0xe000, 0xf8ff],
  [0xf0000, 0xffffd],
  [0x100000, 0x10fffd],
] as const;

/**
 * A private-use character that a text does not have.
 *
 * @throws BambaError `template_failed` when it has all of them
 */
export function unusedCharacter(text: string): string {
  const used = new Set(text);
  for (const [first, last] of PRIVATE_USE) {
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code);
      if (!used.has(character)) return character;
    }
  }
  throw new BambaError('template_failed', 'The messages use every private-use character there is. Shorten them.');
}
