// Text as Python has it, counted in code points, that knows where each character came from. The text of users and tools
// keeps its mark through slices, joins and case changes. So a prompt tells it from the template's own.

import { spendText } from './budget.ts';

/** The author of a character. A name, such as a role, may complete a special token of the template; other text may not. */
export const TEMPLATE = 't';
export const MESSAGE = 'm';
export const NAME = 'n';

/** Text that is not only the template's own, or that is marked as safe HTML. */
export class Text {
  readonly text: string;
  /** One character a UTF-16 unit: `TEMPLATE`, `MESSAGE` or `NAME`. */
  readonly origin: string;
  /** Whether it is what jinja2 calls Markup: joined by `+` or `%`, it escapes the other part. */
  readonly safe: boolean;

  constructor(text: string, origin: string, safe = false) {
    this.text = text;
    this.origin = origin;
    this.safe = safe;
  }
}

/** A string value: plain where the template wrote all of it. */
export type Str = string | Text;

export function isStr(value: unknown): value is Str {
  return typeof value === 'string' || value instanceof Text;
}

/** The characters alone. */
export function plain(text: Str): string {
  return typeof text === 'string' ? text : text.text;
}

export function originOf(text: Str): string {
  return typeof text === 'string' ? TEMPLATE.repeat(text.length) : text.origin;
}

export function isSafe(text: Str): boolean {
  return typeof text !== 'string' && text.safe;
}

/** The same text, safe HTML or not. */
export function markSafe(text: Str, safe = true): Str {
  return isSafe(text) === safe ? text : new Text(plain(text), originOf(text), safe);
}

/** The part between two UTF-16 offsets. */
export function sub(text: Str, start: number, end = Infinity): Str {
  if (typeof text === 'string') return text.slice(start, end);
  return new Text(text.text.slice(start, end), text.origin.slice(start, end), text.safe);
}

/** A text behind one that the template wrote. */
export function behind(own: string, text: Str): Str {
  if (typeof text === 'string') return own + text;
  return new Text(own + text.text, TEMPLATE.repeat(own.length) + text.origin);
}

/** Few parts are linked, which copies nothing; many links would be slow to follow. */
function glued(parts: readonly string[]): string {
  return parts.length > 64 ? parts.join('') : parts.reduce((text, part) => text + part, '');
}

/** Parts in a row; the result is not safe HTML. */
export function concat(parts: readonly Str[]): Str {
  let length = 0;
  let longest = 0;
  let own = true;
  for (const part of parts) {
    const size = plain(part).length;
    length += size;
    longest = Math.max(longest, size);
    own &&= typeof part === 'string';
  }
  // The longest part is not copied: engines link texts instead.
  spendText(length, length - longest + parts.length);
  const text = glued(parts.map(plain));
  return own ? text : new Text(text, glued(parts.map(originOf)));
}

/** Parts with a separator between them. */
export function joined(parts: readonly Str[], separator: Str): Str {
  return plain(separator) === ''
    ? concat(parts)
    : concat(parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part])));
}

export function repeated(text: Str, times: number): Str {
  const count = Math.max(0, times);
  spendText(plain(text).length * count);
  if (typeof text === 'string') return text.repeat(count);
  return new Text(text.text.repeat(count), text.origin.repeat(count), text.safe);
}

/** The text changed as a whole, such as to upper case; characters that become more keep their origin. */
export function mapped(text: Str, change: (text: string) => string): Str {
  spendText(plain(text).length);
  if (typeof text === 'string') return change(text);
  const result = change(text.text);
  if (result.length === text.text.length) return new Text(result, text.origin, text.safe);
  let origin = '';
  let at = 0;
  for (const character of text.text) {
    origin += text.origin[at]!.repeat(change(character).length);
    at += character.length;
  }
  return new Text(result, origin.slice(0, result.length).padEnd(result.length, MESSAGE), text.safe);
}

const PAIR = /[\ud800-\udbff][\udc00-\udfff]/;

/** The number of code points. */
export function lengthOf(text: Str): number {
  const characters = plain(text);
  spendText(characters.length);
  if (!PAIR.test(characters)) return characters.length;
  let length = 0;
  for (const _ of characters) length++;
  return length;
}

/** The UTF-16 offset of a code point, and the text's end beyond the last. */
export function offsetOf(text: Str, index: number): number {
  const characters = plain(text);
  spendText(characters.length);
  if (!PAIR.test(characters)) return Math.min(index, characters.length);
  let offset = 0;
  for (let count = 0; count < index && offset < characters.length; count++) {
    offset += characters.codePointAt(offset)! > 0xffff ? 2 : 1;
  }
  return offset;
}

/** The index of the code point at a UTF-16 offset. */
export function indexAt(text: Str, offset: number): number {
  return lengthOf(plain(text).slice(0, offset));
}

/** The code points: Python counts these, not what a reader takes for one character. */
export function codePointsOf(text: string): string[] {
  return Array.from(text);
}

/** The code points, each as a text. */
export function charactersOf(text: Str): Str[] {
  const characters = plain(text);
  spendText(characters.length, characters.length * 16);
  let at = 0;
  return codePointsOf(characters).map((character) => {
    const start = at;
    at += character.length;
    return typeof text === 'string' ? character : sub(text, start, at);
  });
}

/** Order of two texts by code points: UTF-16 units would put emoji before some rarer letters. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  spendText(length);
  let at = 0;
  while (at < length && a[at] === b[at]) at++;
  if (at === length) return a.length - b.length;
  const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
  const [isX, isY] = [x >= 0xd800 && x < 0xe000, y >= 0xd800 && y < 0xe000];
  // Half a pair stands for a code point beyond all others.
  return isX === isY ? x - y : isX ? 1 : -1;
}
