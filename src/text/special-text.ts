// Keeps what a user typed from acting as a special token: `<|im_end|>` in a message must not end the message.
//
// A mark, a private-use character that occurs nowhere in the prompt, goes into the message wherever a special token
// could be read, the template renders the marked messages, the prompt is cut at the special tokens that are left (the
// template's own), and only then the marks are taken out. So the template sees nearly the text as it was typed, and may
// trim, cut or change the case of it.

import { BambaError } from '../errors.ts';

/** Messages in which no special token can be read any more, with the mark that prevents it. */
export interface MarkedMessages<Message> {
  readonly messages: readonly Message[];
  readonly mark: string;
}

/**
 * Marks messages: every string in them, and every name in what tools were called with. Two kinds of special token cannot
 * be marked, and stay special in messages: one of a single character, and, where the tokenizer looks for it in normalized
 * text, other spellings that normalization turns into it.
 *
 * @param messages the conversation, plain data; the `content` of a message is what the template's own text may touch
 * @param specials strings of the special tokens
 * @param rendered the prompt as rendered without marks: the mark is a character that is not in it
 * @returns null when nothing in the messages could be read as a special token
 * @throws BambaError `template_failed` when the messages use up all 137,468 private-use characters
 */
export function markSpecialTokens<Message extends object>(
  messages: readonly Message[],
  specials: readonly string[],
  rendered: string,
): MarkedMessages<Message> | null {
  let found = false;
  let used = specials.join('') + rendered;
  const placesOf = (text: string, isContent: boolean): number[] =>
    isContent ? [...insidePlaces(text, specials), ...edgePlaces(text, specials)] : insidePlaces(text, specials);
  mapMessages(messages, (text, isContent) => {
    found ||= placesOf(text, isContent).length > 0;
    used += text;
    return text;
  });
  if (!found) return null;
  const mark = unusedCharacter(used);
  return {
    mark,
    messages: mapMessages(messages, (text, isContent) => insertAt(text, placesOf(text, isContent), mark)),
  };
}

/** Copies of messages with all their strings changed, also the names of what is inside of them. */
function mapMessages<Message extends object>(
  messages: readonly Message[],
  change: (text: string, isContent: boolean) => string,
): Message[] {
  const inside = (value: unknown): unknown => {
    if (typeof value === 'string') return change(value, false);
    if (Array.isArray(value)) return value.map(inside);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [change(name, false), inside(one)]));
  };
  return messages.map(
    (message) =>
      Object.fromEntries(
        Object.entries(message).map(([name, value]: [string, unknown]) => [
          name,
          name === 'content' && typeof value === 'string' ? change(value, true) : inside(value),
        ]),
      ) as Message,
  );
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
