// Upper, lower and title case as Python has them. JavaScript has no title case: ǆ, whose capital at a word's start is
// ǅ, and the like are listed here.

const TITLE: Readonly<Record<string, string>> = {
  Ǆ: 'ǅ',
  ǆ: 'ǅ',
  ǅ: 'ǅ',
  Ǉ: 'ǈ',
  ǉ: 'ǈ',
  ǈ: 'ǈ',
  Ǌ: 'ǋ',
  ǌ: 'ǋ',
  ǋ: 'ǋ',
  Ǳ: 'ǲ',
  ǳ: 'ǲ',
  ǲ: 'ǲ',
};
const CASED = /[\p{Uppercase}\p{Lowercase}\p{Lt}]/u;

export function upperCased(text: string): string {
  return text.toUpperCase();
}

export function lowerCased(text: string): string {
  return text.toLowerCase();
}

/** A character as it begins a word. */
function titleCharacter(character: string): string {
  const listed = TITLE[character];
  if (listed !== undefined) return listed;
  // Georgian has capitals for whole words only.
  if (/[\u10d0-\u10ff]/.test(character)) return character;
  // Greek with iota subscript keeps it.
  if (/[\u1f80-\u1faf]/.test(character)) return String.fromCharCode(character.charCodeAt(0) | 8);
  if (/[\u1fb3\u1fc3\u1ff3]/.test(character)) return String.fromCharCode(character.charCodeAt(0) + 9);
  if (/[\u1fbc\u1fcc\u1ffc]/.test(character)) return character;
  const [first = '', ...rest] = character.toUpperCase();
  return first + rest.join('').toLowerCase();
}

export function capitalized(text: string): string {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 32);
  return text === '' ? '' : titleCharacter(first) + text.slice(first.length).toLowerCase();
}

/** Each character with its small form where it stands: a Σ that ends a word becomes ς. */
function* withSmall(text: string): Generator<[character: string, small: string]> {
  const lower = text.toLowerCase();
  let at = 0;
  for (const character of text) {
    const { length } = character.toLowerCase();
    yield [character, lower.slice(at, at + length)];
    at += length;
  }
}

export function titleCased(text: string): string {
  let result = '';
  let inWord = false;
  for (const [character, small] of withSmall(text)) {
    result += inWord ? small : titleCharacter(character);
    inWord = CASED.test(character);
  }
  return result;
}

export function swappedCase(text: string): string {
  let result = '';
  for (const [character, small] of withSmall(text)) {
    if (/\p{Uppercase}/u.test(character)) result += small;
    else result += /\p{Lowercase}/u.test(character) ? character.toUpperCase() : character;
  }
  return result;
}

/** Whether all cased characters, of which there is one at least, have a case. */
export function isCased(text: string, wanted: 'lower' | 'upper' | 'title'): boolean {
  let some = false;
  let inWord = false;
  for (const character of text) {
    const isUpper = /[\p{Uppercase}\p{Lt}]/u.test(character);
    const isLower = /\p{Lowercase}/u.test(character);
    if (wanted === 'lower' && isUpper) return false;
    if (wanted === 'upper' && (isLower || /\p{Lt}/u.test(character))) return false;
    if (wanted === 'title' && ((isUpper && inWord) || (isLower && !inWord))) return false;
    inWord = isUpper || isLower;
    some ||= inWord;
  }
  return some;
}
