// Character classes, as Oniguruma has them, to those of JavaScript's flag `v`, which knows nested classes and
// intersections as well.

import { sameLetters } from './letter-case.ts';
import type { CharSet } from './syntax.ts';

/** Letters, marks, digits and connectors, as `\w` has them inside brackets. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}`;

/** Outside of brackets five numbers in Latin-1 are part of words, too. */
export const WORD_OUTSIDE = String.raw`[${WORD}\u00B2\u00B3\u00B9\u00BC-\u00BE]`;

/** The letters behind a backslash, outside of brackets and inside: upper case is the opposite. */
export const SHORTHANDS: Readonly<Record<string, string>> = {
  d: String.raw`\p{Nd}`,
  s: String.raw`\p{White_Space}`,
  w: WORD,
  h: '0-9A-Fa-f',
};

/** The names in `[:name:]`, which `\p{name}` takes as well. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: String.raw`[\p{Alphabetic}\p{Nd}]`,
  alpha: String.raw`\p{Alphabetic}`,
  ascii: String.raw`[\x00-\x7F]`,
  blank: String.raw`[\t\p{Zs}]`,
  cntrl: String.raw`\p{Cc}`,
  digit: String.raw`\p{Nd}`,
  graph: String.raw`[^\p{White_Space}\p{Cc}\p{Cn}\p{Cs}]`,
  lower: String.raw`\p{Lowercase}`,
  print: String.raw`[[[^\p{White_Space}\p{Cn}\p{Cs}]\p{Zs}]--\p{Cc}]`,
  punct: String.raw`[\p{P}\p{S}]`,
  space: String.raw`\p{White_Space}`,
  upper: String.raw`\p{Uppercase}`,
  word: `[${WORD}]`,
  xdigit: '[0-9A-Fa-f]',
};

/** The class in `[:name:]`; null where there is none of that name. */
export function posixClass(name: string): string | null {
  return Object.hasOwn(POSIX, name) ? POSIX[name]! : null;
}

/**
 * The class of a property's name: a category, a script or another property of Unicode, in any case, with or without
 * underscores.
 *
 * @returns null where JavaScript knows no property of that name
 */
export function propertyClass(name: string): string | null {
  const plain = name.replaceAll(/[ _-]/g, '').toLowerCase();
  // `\\p{Punct}` is the category, `[:punct:]` has symbols as well.
  const posix = plain === 'punct' ? String.raw`\p{P}` : posixClass(plain);
  if (posix !== null) return posix;
  const words = name.split(/[ _-]+/).flatMap((word) => word.split(/(?<=[a-z])(?=[A-Z])/));
  const titled = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join('_');
  for (const spelling of new Set([name, titled, name.toUpperCase()])) {
    for (const source of [String.raw`\p{${spelling}}`, String.raw`\p{Script=${spelling}}`]) {
      if (isValid(source)) return source;
    }
  }
  return null;
}

/** One character, as it stands in brackets. */
export function charSource(code: number): string {
  return String.raw`\u{${code.toString(16)}}`;
}

function isValid(source: string): boolean {
  try {
    return new RegExp(source, 'v').source !== '';
  } catch {
    return false;
  }
}

/** Says for a code point whether a set has it. The answers are kept, as text has few different characters. */
export class SetTest {
  readonly #pattern: RegExp;
  readonly #ignoreCase: boolean;
  readonly #negated: boolean;
  /** For the basic plane: 0 for not asked, 1 for no, 2 for yes. */
  readonly #known = new Uint8Array(0x10000);
  readonly #beyond = new Map<number, boolean>();

  constructor({ source, ignoreCase, negated }: CharSet) {
    this.#pattern = new RegExp(`^${source}$`, 'v');
    this.#ignoreCase = ignoreCase;
    this.#negated = negated;
  }

  has(code: number): boolean {
    if (code < 0x10000) {
      const known = this.#known[code]!;
      if (known !== 0) return known === 2;
      const has = this.#test(code);
      this.#known[code] = has ? 2 : 1;
      return has;
    }
    let has = this.#beyond.get(code);
    if (has === undefined) this.#beyond.set(code, (has = this.#test(code)));
    return has;
  }

  #test(code: number): boolean {
    const codes = this.#ignoreCase ? sameLetters(code) : [code];
    return codes.some((one) => this.#pattern.test(String.fromCodePoint(one))) !== this.#negated;
  }
}
