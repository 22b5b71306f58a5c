// Patterns of tokenizer.json to trees. Their syntax is that of Oniguruma, which differs from JavaScript's. Classes nest and
// intersect, `\h` is a hexadecimal digit, `{1,3}+` repeats the repetition, and `(?i)` reaches over `|`.

import { charSource, posixClass, propertyClass, SHORTHANDS, WORD_OUTSIDE } from './char-class.ts';
import { sameLetters } from './letter-case.ts';
import { malformed, type Node, type Place, unsupported } from './syntax.ts';

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
}

const EMPTY: Node = { kind: 'sequence', parts: [] };

/** More than any pattern needs; it bounds the recursion. */
const MAX_DEPTH = 200;

const PLACES: Readonly<Record<string, Place>> = {
  A: 'textStart',
  z: 'textEnd',
  Z: 'lastLineEnd',
  G: 'searchStart',
  b: 'wordEdge',
  B: 'notWordEdge',
};

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };

/**
 * Parses a pattern.
 *
 * @throws BambaError `config_invalid` where it is no pattern, `unsupported_model` where it asks for what is not built
 */
export function parsePattern(source: string): Node {
  return new Parser(source).parse();
}

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Node {
    const node = this.#choice({ ignoreCase: false, dotAll: false, extended: false });
    if (this.#at < this.#source.length) throw this.#malformed('a bracket closes that did not open');
    return node;
  }

  #choice(outer: Flags): Node {
    if (++this.#depth > MAX_DEPTH) throw unsupported(this.#source, 'brackets that nest too deep');
    let flags = outer;
    const options: Node[] = [];
    let parts: Node[] = [];
    while (this.#at < this.#source.length && !this.#sees(')')) {
      if (this.#takes('|')) {
        options.push(sequence(parts));
        parts = [];
        continue;
      }
      const switched = this.#takeFlags(flags);
      if (switched !== null) {
        // The flags hold up to the end of the group, alternatives included: `a(?i)b|c` is `a(?i:b|c)`.
        flags = switched;
        parts.push(this.#choice(flags));
        continue;
      }
      const bare = !this.#sees('(') || this.#sees('(?');
      const atom = this.#atom(flags);
      if (atom === null) continue;
      const quantified = this.#quantified(atom, flags);
      if (bare && quantified !== atom && (atom.kind === 'place' || atom.kind === 'look')) {
        throw this.#malformed('a place between characters is repeated');
      }
      parts.push(quantified);
    }
    this.#depth--;
    options.push(sequence(parts));
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  /** `(?i)`, `(?m-i)`: flags for the rest of the group; null where none stand here. */
  #takeFlags(flags: Flags): Flags | null {
    const match = /^\(\?([imx]*)(?:-([imx]*))?\)/.exec(this.#source.slice(this.#at, this.#at + 16));
    if (match === null) return null;
    this.#at += match[0].length;
    return withFlags(flags, match[1]!, match[2] ?? '');
  }

  /** One part without its quantifier; null for a comment. */
  #atom(flags: Flags): Node | null {
    const character = this.#next();
    switch (character) {
      case '(':
        return this.#group(flags);
      case '[':
        return this.#bracketed(flags.ignoreCase);
      case '.':
        return this.#set(flags.dotAll ? String.raw`[\s\S]` : String.raw`[^\n]`);
      case '^':
        return { kind: 'place', place: 'lineStart' };
      case '$':
        return { kind: 'place', place: 'lineEnd' };
      case '\\':
        return this.#escape(flags);
      case '*':
      case '+':
      case '?':
        throw this.#malformed(`"${character}" repeats nothing`);
      case '#':
        if (!flags.extended) break;
        while (this.#at < this.#source.length && this.#next() !== '\n');
        return null;
      default:
        if (flags.extended && /\s/.test(character)) return null;
    }
    return this.#char(character.codePointAt(0)!, flags);
  }

  #group(flags: Flags): Node | null {
    if (this.#takes('?#')) {
      while (this.#next() !== ')');
      return null;
    }
    const scoped = /^\?([imx]*)(?:-([imx]*))?:/.exec(this.#source.slice(this.#at, this.#at + 16));
    if (scoped !== null) {
      this.#at += scoped[0].length;
      return this.#closed(withFlags(flags, scoped[1]!, scoped[2] ?? ''));
    }
    if (this.#takes('?>')) return { kind: 'atomic', body: this.#closed(flags) };
    for (const [opening, behind, negated] of LOOKS) {
      if (this.#takes(opening)) return { kind: 'look', behind, negated, body: this.#closed(flags) };
    }
    const name = /^\?(?:<([\p{L}_][\p{L}\p{N}_]*)>|'([\p{L}_][\p{L}\p{N}_]*)')/u.exec(this.#source.slice(this.#at));
    if (name !== null) this.#at += name[0].length;
    else if (this.#sees('?'))
      throw unsupported(this.#source, `the group "(${this.#source.slice(this.#at, this.#at + 3)}"`);
    return this.#closed(flags);
  }

  #closed(flags: Flags): Node {
    const node = this.#choice(flags);
    if (!this.#takes(')')) throw this.#malformed('a bracket does not close');
    return node;
  }

  /** The quantifiers behind an atom; each one more repeats what the one before it made. */
  #quantified(atom: Node, flags: Flags): Node {
    let node = atom;
    for (;;) {
      if (flags.extended) this.#skipSpace();
      const simple = /^[*+?]/.exec(this.#source.slice(this.#at, this.#at + 1))?.[0];
      if (simple !== undefined) {
        this.#at++;
        const lazy = this.#takes('?');
        const repeat: Node = {
          kind: 'repeat',
          body: node,
          min: simple === '+' ? 1 : 0,
          max: simple === '?' ? 1 : Infinity,
          lazy,
        };
        node = !lazy && this.#takes('+') ? { kind: 'atomic', body: repeat } : repeat;
        continue;
      }
      const interval = /^\{(?:(\d{1,6})(,?)(\d{0,6})|,(\d{1,6}))\}/.exec(this.#source.slice(this.#at, this.#at + 16));
      if (interval === null) return node;
      this.#at += interval[0].length;
      const [, from, comma, to, upTo] = interval;
      const min = Number(from ?? 0);
      const max = upTo !== undefined ? Number(upTo) : comma === '' ? min : to === '' ? Infinity : Number(to);
      if (max < min) throw unsupported(this.#source, `the repetition ${interval[0]}`);
      if (comma === '' && upTo === undefined && this.#takes('?')) {
        // `{2}?` is no lazy repetition but an optional one.
        const exact: Node = { kind: 'repeat', body: node, min, max, lazy: false };
        node = { kind: 'repeat', body: exact, min: 0, max: 1, lazy: false };
      } else {
        node = { kind: 'repeat', body: node, min, max, lazy: this.#takes('?') };
      }
    }
  }

  #escape(flags: Flags): Node {
    const code = this.#codeEscape(false);
    if (code !== null) return this.#char(code, flags);
    const property = this.#property();
    if (property !== null) return this.#set(property);
    const letter = this.#next();
    const place = PLACES[letter];
    if (place !== undefined) return { kind: 'place', place };
    const lower = letter.toLowerCase();
    if (lower === 'w') return this.#set(letter === 'w' ? WORD_OUTSIDE : `[^${WORD_OUTSIDE}]`);
    const shorthand = SHORTHANDS[lower];
    if (shorthand !== undefined) return this.#set(letter === lower ? `[${shorthand}]` : `[^${shorthand}]`);
    if (letter === 'N') return this.#set(String.raw`[^\n]`);
    if (letter === 'O') return this.#set(String.raw`[\s\S]`);
    if (letter === 'R') return LINE_BREAK;
    if (/[1-9a-zA-Z]/.test(letter)) throw unsupported(this.#source, `"\\${letter}"`);
    return this.#char(letter.codePointAt(0)!, flags);
  }

  /** The code of a character that is written with a backslash; null where something else stands there. */
  #codeEscape(inClass: boolean): number | null {
    const rest = this.#source.slice(this.#at, this.#at + 12);
    const hex = /^(?:x\{\s*([0-9A-Fa-f]{1,8})\s*\}|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4}))/.exec(rest);
    if (hex !== null) {
      this.#at += hex[0].length;
      const code = Number.parseInt((hex[1] ?? hex[2] ?? hex[3])!, 16);
      if (code > 0x10ffff) throw this.#malformed('a character is beyond Unicode');
      return code;
    }
    const octal = (inClass ? /^[0-7]{1,3}/ : /^(?:0[0-7]{0,2}|[1-7][0-7]{2})/).exec(rest);
    if (octal !== null) {
      this.#at += octal[0].length;
      return Number.parseInt(octal[0], 8);
    }
    const control = /^(?:c|C-)([@-_a-z])/.exec(rest);
    if (control !== null) {
      this.#at += control[0].length;
      return control[1]!.charCodeAt(0) & 0x1f;
    }
    const known = inClass && rest.startsWith('b') ? 8 : CONTROLS[rest.charAt(0)];
    if (known !== undefined) this.#at++;
    return known ?? null;
  }

  /** `p{Name}`, `P{Name}`, `p{^Name}` behind a backslash. */
  #property(): string | null {
    const match = /^([pP])\{(\^?)([^}]*)\}/.exec(this.#source.slice(this.#at, this.#at + 80));
    if (match === null) return null;
    this.#at += match[0].length;
    const [, letter, caret, name] = match;
    const found = propertyClass(name!);
    if (found === null) throw unsupported(this.#source, `the property "${name}" of characters`);
    return (letter === 'P') === (caret === '^') ? found : `[^${found}]`;
  }

  /** A class in brackets. Case is ignored before its opposite is taken, but behind the opposites inside of it. */
  #bracketed(ignoreCase: boolean): Node {
    const negated = this.#takes('^');
    return { kind: 'set', set: { source: this.#class(), ignoreCase, negated } };
  }

  /** Turns the inside of brackets into its source in JavaScript. */
  #class(): string {
    if (++this.#depth > MAX_DEPTH) throw unsupported(this.#source, 'brackets that nest too deep');
    const operands: string[] = [];
    let items = '';
    let first = true;
    while (first || !this.#sees(']')) {
      if (this.#takes('&&')) {
        operands.push(`[${items}]`);
        items = '';
      } else {
        items += this.#classItem();
      }
      first = false;
    }
    this.#at++;
    this.#depth--;
    return `[${operands.length === 0 ? items : [...operands, `[${items}]`].join('&&')}]`;
  }

  #classItem(): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#source.slice(this.#at, this.#at + 20));
    if (posix !== null) {
      const found = posixClass(posix[2]!.toLowerCase());
      if (found !== null) {
        this.#at += posix[0].length;
        return posix[1] === '^' ? `[^${found}]` : found;
      }
    }
    if (this.#takes('[')) return this.#takes('^') ? `[^${this.#class()}]` : this.#class();
    const from = this.#classChar();
    if (typeof from === 'string') return from;
    const rest = this.#source.slice(this.#at);
    if (!rest.startsWith('-') || rest.startsWith('-]') || rest.startsWith('-&&')) return charSource(from);
    this.#at++;
    const to = this.#sees('[') ? '' : this.#classChar();
    if (typeof to === 'string' || to < from) throw this.#malformed('a range of characters has no sound end');
    return `${charSource(from)}-${charSource(to)}`;
  }

  /** A character's code, or the source of a set. */
  #classChar(): number | string {
    const character = this.#next();
    if (character !== '\\') return character.codePointAt(0)!;
    const code = this.#codeEscape(true);
    if (code !== null) return code;
    const property = this.#property();
    if (property !== null) return property;
    const letter = this.#next();
    const lower = letter.toLowerCase();
    const shorthand = SHORTHANDS[lower];
    if (shorthand !== undefined) return letter === lower ? `[${shorthand}]` : `[^${shorthand}]`;
    if (/[a-zA-Z]/.test(letter)) throw unsupported(this.#source, `"\\${letter}" in a class`);
    return letter.codePointAt(0)!;
  }

  #char(code: number, { ignoreCase }: Flags): Node {
    const codes = ignoreCase ? sameLetters(code) : [code];
    return codes.length > 1 ? this.#set(`[${codes.map(charSource).join('')}]`) : { kind: 'char', code };
  }

  #set(source: string): Node {
    return { kind: 'set', set: { source, ignoreCase: false, negated: false } };
  }

  #sees(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #takes(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }

  #skipSpace(): void {
    while (/^\s/.test(this.#source.slice(this.#at, this.#at + 1))) this.#at++;
  }

  #next(): string {
    const code = this.#source.codePointAt(this.#at);
    if (code === undefined) throw this.#malformed('something is left open at the end');
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #malformed(what: string): Error {
    return malformed(this.#source, what);
  }
}

const LOOKS = [
  ['?=', false, false],
  ['?!', false, true],
  ['?<=', true, false],
  ['?<!', true, true],
] as const;

/** `\R`: a line's end, of which `\r\n` is one that is never halved. */
const LINE_BREAK: Node = {
  kind: 'atomic',
  body: {
    kind: 'choice',
    options: [
      sequence([
        { kind: 'char', code: 13 },
        { kind: 'char', code: 10 },
      ]),
      { kind: 'set', set: { source: String.raw`[\n-\r\u0085\u2028\u2029]`, ignoreCase: false, negated: false } },
    ],
  },
};

function sequence(parts: readonly Node[]): Node {
  return parts.length === 0 ? EMPTY : parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
}

function withFlags(flags: Flags, on: string, off: string): Flags {
  const set = (letter: string, before: boolean) => (on.includes(letter) || before) && !off.includes(letter);
  return {
    ignoreCase: set('i', flags.ignoreCase),
    dotAll: set('m', flags.dotAll),
    extended: set('x', flags.extended),
  };
}
