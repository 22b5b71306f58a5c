// Texts cut apart: split, strip, partition, replace, lines.

import { spend, spendText } from './budget.ts';
import { TemplateFault } from './faults.ts';
import { concat, plain, type Str, sub } from './text.ts';
import { Tuple } from './values.ts';
import { LINE_END, WHITESPACE } from './whitespace.ts';

const SPACE = new RegExp(`[${WHITESPACE}]+`, 'g');

const ONE_SPACE = new RegExp(`[${WHITESPACE}]`);

/** The text without some characters, whitespace where null, at its start, end or both. */
export function stripped(text: Str, characters: string | null, sides: 'start' | 'end' | 'both'): Str {
  const content = plain(text);
  const set = characters === null ? null : new Set(characters);
  const goes = (character: string) => (set === null ? ONE_SPACE.test(character) : set.has(character));
  const start = sides === 'end' ? 0 : startOfRest(content, goes);
  const end = sides === 'start' ? content.length : endOfRest(content, start, goes);
  spend((content.length - end + start + 16) / 16);
  return sub(text, start, end);
}

function startOfRest(content: string, goes: (character: string) => boolean): number {
  let start = 0;
  while (start < content.length) {
    const character = String.fromCodePoint(content.codePointAt(start)!);
    if (!goes(character)) break;
    start += character.length;
  }
  return start;
}

function endOfRest(content: string, start: number, goes: (character: string) => boolean): number {
  let end = content.length;
  while (end > start) {
    const character = lastCharacter(content, end);
    if (!goes(character)) break;
    end -= character.length;
  }
  return end;
}

function lastCharacter(content: string, end: number): string {
  const pair = content.slice(Math.max(0, end - 2), end);
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair) ? pair : content.slice(end - 1, end);
}

/** Parts between separators, at most so many cuts, from the start or from the end. */
export function splitAt(text: Str, separator: string, most: number, fromEnd: boolean): Str[] {
  if (separator === '') throw new TemplateFault('a text is split at nothing');
  const content = plain(text);
  const cuts: number[] = [];
  let at = fromEnd ? content.lastIndexOf(separator) : content.indexOf(separator);
  while (at >= 0 && cuts.length < most) {
    spend(1);
    cuts.push(at);
    if (fromEnd) at = at < separator.length ? -1 : content.lastIndexOf(separator, at - separator.length);
    else at = content.indexOf(separator, at + separator.length);
  }
  if (fromEnd) cuts.reverse();
  spend(cuts.length + content.length / 16);
  const starts = [0, ...cuts.map((cut) => cut + separator.length)];
  return starts.map((start, index) => sub(text, start, cuts[index]));
}

/** Parts between runs of whitespace, none of them empty. */
export function splitSpace(text: Str, most: number, fromEnd: boolean): Str[] {
  const trimmed = most === Infinity ? stripped(text, null, 'both') : stripped(text, null, fromEnd ? 'end' : 'start');
  const content = plain(trimmed);
  if (content === '') return [];
  const gaps: [number, number][] = [];
  for (const { 0: gap, index } of content.matchAll(SPACE)) {
    spend(1);
    gaps.push([index, index + gap.length]);
  }
  spend(gaps.length + content.length / 16);
  const used = fromEnd ? gaps.slice(Math.max(0, gaps.length - most)) : gaps.slice(0, most);
  const starts = [0, ...used.map(([, end]) => end)];
  const parts = starts.map((start, index) => sub(trimmed, start, used[index]?.[0]));
  // A gap at the far edge, where cuts are left over, has nothing behind it.
  return parts.filter((part) => plain(part) !== '');
}

/** The texts before, at and behind a separator. */
export function partition(text: Str, separator: string, last: boolean): Tuple {
  if (separator === '') throw new TemplateFault('a text is split at nothing');
  const content = plain(text);
  spend(content.length / 16);
  const at = last ? content.lastIndexOf(separator) : content.indexOf(separator);
  if (at < 0) return new Tuple(last ? ['', '', text] : [text, '', '']);
  const end = at + separator.length;
  return new Tuple([sub(text, 0, at), sub(text, at, end), sub(text, end)]);
}

/** The text with another part in place of one, at most so many times. */
export function replaced(text: Str, old: string, by: Str, most: number): Str {
  const content = plain(text);
  if (typeof text === 'string' && typeof by === 'string' && most === Infinity && old !== '') {
    return replacedPlain(text, old, by);
  }
  const parts: Str[] = [];
  let end = 0;
  let at = content.indexOf(old);
  for (let count = 0; at >= 0 && at <= content.length && count < most; count++) {
    spend(4);
    parts.push(sub(text, end, at), by);
    end = at + old.length;
    const next = old === '' ? at + (content.codePointAt(at)! > 0xffff ? 2 : 1) : end;
    at = next > content.length ? -1 : content.indexOf(old, next);
  }
  spend(content.length / 16);
  return parts.length === 0 ? text : concat([...parts, sub(text, end)]);
}

function replacedPlain(text: string, old: string, by: string): string {
  let count = 0;
  for (let at = text.indexOf(old); at >= 0; at = text.indexOf(old, at + old.length)) {
    spend(4);
    count++;
  }
  spendText(text.length + count * (by.length - old.length), text.length);
  return text.replaceAll(old, by.replaceAll('$', '$$$$'));
}

/** The lines, with their ends or without. */
export function lines(text: Str, keepEnds: boolean): Str[] {
  const content = plain(text);
  spend(content.length / 16);
  const result: Str[] = [];
  let start = 0;
  for (const { 0: end, index } of content.matchAll(LINE_END)) {
    spend(1);
    result.push(sub(text, start, index + (keepEnds ? end.length : 0)));
    start = index + end.length;
  }
  if (start < content.length) result.push(sub(text, start));
  spend(result.length);
  return result;
}
