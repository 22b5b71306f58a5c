// Keeps what a user typed from acting as a special token: `<|im_end|>` in a message must not end the message.
//
// A mark, a private-use character that occurs nowhere in the prompt, goes into the message wherever a special token
// could be read, the template renders the marked messages, the prompt is cut at the special tokens that are left (the
// template's own), and only then the marks are taken out. So the template sees nearly the text as it was typed, and may
// trim, cut or change the case of it.

import { BambaError } from '../errors.ts';

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Messages in which no special token can be read any more, with the mark that prevents it. */
export interface MarkedMessages {
  readonly messages: readonly Message[];
  readonly mark: string;
}

/**
 * Marks messages. Two kinds of special token cannot be marked, and stay special in messages: one of a single character,
 * and, where the tokenizer looks for it in normalized text, other spellings that normalization turns into it.
 *
 * @param messages the conversation
 * @param specials strings of the special tokens
 * @param rendered the prompt as rendered without marks: the mark is a character that is not in it
 * @returns null when nothing in the messages could be read as a special token
 * @throws BambaError `template_failed` when the messages use up all 137,468 private-use characters
 */
export function markSpecialTokens(
  messages: readonly Message[],
  specials: readonly string[],
  rendered: string,
): MarkedMessages | null {
  const places = messages.map(({ role, content }) => ({
    role: insidePlaces(role, specials),
    content: [...insidePlaces(content, specials), ...edgePlaces(content, specials)],
  }));
  if (places.every(({ role, content }) => role.length === 0 && content.length === 0)) return null;
  const used = messages.map(({ role, content }) => role + content).join('') + specials.join('') + rendered;
  const mark = unusedCharacter(used);
  return {
    mark,
    messages: messages.map(({ role, content }, i) => ({
      role: insertAt(role, places[i]!.role, mark),
      content: insertAt(content, places[i]!.content, mark),
    })),
  };
}

/** Behind the first character of each special token in the text, overlapping ones too. */
function insidePlaces(text: string, specials: readonly string[]): number[] {
  const places: number[] = [];
  for (const special of specials) {
    const width = String.fromCodePoint(special.codePointAt(0)!).length;
    if (special.length === width) continue;
    for (let at = text.indexOf(special); at >= 0; at = text.indexOf(special, at + 1)) places.push(at + width);
  }
  return places;
}

/**
 * At the edges of a message, where text of the template follows: behind a last part like `<|im_` that begins a special
 * token, and before a first part like `end|>` that ends one or lies inside one. Templates trim messages, so the edges
 * are those of the trimmed text.
 */
function edgePlaces(text: string, specials: readonly string[]): number[] {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const start = text.indexOf(trimmed);
  const places: number[] = [];
  const begins = (special: string) => someSplit(special, (head) => trimmed.endsWith(head));
  const ends = (special: string) => someSplit(special, (_, tail) => trimmed.startsWith(tail));
  if (specials.some(begins)) places.push(start + trimmed.length);
  if (specials.some((special) => ends(special) || special.includes(trimmed))) places.push(start);
  return places;
}

/** Whether some cut of a string into two parts, neither empty, satisfies the test. */
function someSplit(text: string, test: (head: string, tail: string) => boolean): boolean {
  for (let cut = 1; cut < text.length; cut++) if (test(text.slice(0, cut), text.slice(cut))) return true;
  return false;
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

function unusedCharacter(text: string): string {
  const used = new Set(text);
  for (const [first, last] of PRIVATE_USE) {
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code);
      if (!used.has(character)) return character;
    }
  }
  throw new BambaError('template_failed', 'The messages use every private-use character there is. Shorten them.');
}
