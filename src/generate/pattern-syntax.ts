// Regular expressions of JSON schemas, as trees. They are those of JavaScript, as the standard recommends. A construct that
// cannot be checked character by character is refused by its name.

import { type Characters, complement, ofClass, range, union } from './characters.ts';
import { invalid } from './schema-keywords.ts';

/** The part of a pattern, by its match. */
export type Pattern =
  | { kind: 'characters'; set: Characters }
  | { kind: 'sequence'; parts: readonly Pattern[] }
  | { kind: 'choice'; options: readonly Pattern[] }
  | { kind: 'repeat'; of: Pattern; min: number; max: number }
  | { kind: 'start' }
  | { kind: 'end' }
  /** The following text matches, or does not. */
  | { kind: 'ahead'; of: Pattern; negative: boolean };

const DIGITS = range(0x30, 0x39);
const WORDS = union(DIGITS, range(0x41, 0x5a), range(0x61, 0x7a), range(0x5f, 0x5f));
const LINE_ENDS = union(range(0x0a, 0x0a), range(0x0d, 0x0d), range(0x2028, 0x2029));
const CLASSES: Readonly<Record<string, Characters>> = { d: DIGITS, w: WORDS };
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

/**
 * @param path where it stands in a schema, for errors; null outside of one
 * @throws BambaError `setting_invalid` for what is no pattern, and for what cannot be kept to
 */
export function parsePattern(source: string, path: string | null): Pattern {
  const unicode = compiles(source, 'u');
  if (!unicode && !compiles(source, '')) throw invalid(path, `${quoted(source)} is no regular expression`);
  return new PatternParser(source, unicode, path).parse();
}

function compiles(source: string, flags: string): boolean {
  try {
    return new RegExp(source, flags) instanceof RegExp;
  } catch {
    return false;
  }
}

function quoted(source: string): string {
  return JSON.stringify(source.length > 80 ? `${source.slice(0, 79)}…` : source);
}

/** Reads a pattern that JavaScript takes: only what it means is left to find out. */
class PatternParser {
  readonly #source: string;
  readonly #unicode: boolean;
  readonly #path: string | null;
  #at = 0;

  constructor(source: string, unicode: boolean, path: string | null) {
    this.#source = source;
    this.#unicode = unicode;
    this.#path = path;
  }

  parse(): Pattern {
    return this.#choice();
  }

  #refused(what: string): Error {
    return invalid(this.#path, `the pattern ${quoted(this.#source)} has ${what}, which cannot be kept to`);
  }

  #takes(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** Takes the match of a sticky expression here. */
  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#source);
    if (match) this.#at = expression.lastIndex;
    return match;
  }

  #choice(): Pattern {
    const options = [this.#sequence()];
    while (this.#takes('|')) options.push(this.#sequence());
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at]!)) parts.push(this.#quantified());
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  #quantified(): Pattern {
    const of = this.#atom();
    const match = this.#match(/(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y);
    if (!match) return of;
    const [, sign, least, comma, most] = match;
    if (sign !== undefined) {
      return { kind: 'repeat', of, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity };
    }
    const min = Number(least);
    return { kind: 'repeat', of, min, max: comma === '' ? min : most === '' ? Infinity : Number(most) };
  }

  #atom(): Pattern {
    if (this.#takes('^')) return { kind: 'start' };
    if (this.#takes('$')) return { kind: 'end' };
    if (this.#takes('.')) return { kind: 'characters', set: complement(LINE_ENDS) };
    if (this.#takes('(')) return this.#group();
    if (this.#takes('[')) return { kind: 'characters', set: this.#set() };
    if (this.#source.startsWith('\\', this.#at)) {
      if (/^[bB]/.test(this.#source[this.#at + 1]!)) throw this.#refused('a word boundary');
      return { kind: 'characters', set: this.#escape(false) };
    }
    return { kind: 'characters', set: one(this.#character()) };
  }

  #group(): Pattern {
    const negative = this.#takes('?!');
    const ahead = negative || this.#takes('?=');
    if (!ahead && !this.#takes('?:')) {
      if (this.#match(/\?<[=!]/y)) throw this.#refused('a lookbehind');
      if (!this.#match(/\?<[^>]*>/y) && this.#takes('?')) throw this.#refused('a group with flags');
    }
    const of = this.#choice();
    this.#takes(')');
    return ahead ? { kind: 'ahead', of, negative } : of;
  }

  #set(): Characters {
    const negative = this.#takes('^');
    const sets: Characters[] = [];
    while (!this.#takes(']')) {
      const first = this.#member();
      const dashed = this.#source.startsWith('-', this.#at) && this.#source[this.#at + 1] !== ']';
      if (!dashed || !isOne(first)) {
        sets.push(first);
        continue;
      }
      this.#at++;
      const last = this.#member();
      // Outside of Unicode's mode, `[a-\d]` has a dash.
      sets.push(isOne(last) ? range(first[0]![0], last[0]![0]) : union(first, one(0x2d), last));
    }
    const set = union(...sets);
    return negative ? complement(set) : set;
  }

  #member(): Characters {
    return this.#source.startsWith('\\', this.#at) ? this.#escape(true) : one(this.#character());
  }

  #character(): number {
    const character = this.#source.codePointAt(this.#at)!;
    this.#at += character > 0xffff ? 2 : 1;
    return character;
  }

  #escape(inSet: boolean): Characters {
    this.#at++;
    const property = this.#unicode ? this.#match(/[pP]\{[^}]*\}/y) : null;
    if (property) return ofClass(`\\${property[0]}`);
    const code = this.#match(
      /x([\da-fA-F]{2})|u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})|u([\da-fA-F]{4})/y,
    );
    if (code) return one(codeOf(code));
    const braced = this.#unicode ? this.#match(/u\{([\da-fA-F]+)\}/y) : null;
    if (braced) return one(parseInt(braced[1]!, 16));
    const control = this.#match(/c([A-Za-z])/y);
    if (control) return one(control[1]!.charCodeAt(0) % 32);
    if (!inSet && this.#match(/[1-9]|k</y)) throw this.#refused('a reference to a group');
    const character = this.#character();
    const letter = String.fromCodePoint(character);
    const small = letter.toLowerCase();
    if ('dws'.includes(small)) {
      const set = CLASSES[small] ?? ofClass('\\s');
      return letter === small ? set : complement(set);
    }
    if (inSet && letter === 'b') return one(8);
    return one(CONTROLS[letter] ?? character);
  }
}

function codeOf([, byte, high, low, unit]: RegExpExecArray): number {
  if (high === undefined) return parseInt(byte ?? unit!, 16);
  return String.fromCharCode(parseInt(high, 16), parseInt(low!, 16)).codePointAt(0)!;
}

/** A set of one character; of none for a surrogate, which no text has alone. */
function one(character: number): Characters {
  return range(character, character);
}

function isOne(set: Characters): boolean {
  return set.length === 1 && set[0]![0] === set[0]![1];
}
