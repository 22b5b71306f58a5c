// Cuts a template's text into tokens, as jinja2 does. With trim_blocks and lstrip_blocks the newline behind a block goes, and
// so do the spaces before a block that begins its line. Without them, and with keep_trailing_newline, all spaces stay.

import { TemplateFault } from './faults.ts';
import { WHITESPACE } from './whitespace.ts';
import { readInteger } from './numbers.ts';
import { unescapeString } from './string-literal.ts';

export interface Token {
  /** `data`, `name`, `string`, `integer`, `float`, `end`, or the operator or bracket itself, such as `{{`, `%}`, `==`. */
  readonly type: string;
  readonly text: string;
  /** The value of a number. */
  readonly value?: bigint | number;
  readonly line: number;
}

const S = `[${WHITESPACE}]`;
const OPENING = /\{[{%#]/g;
const RAW = new RegExp(`\\{%[-+]?${S}*raw${S}*(?:-%\\}${S}*|%\\})`, 'y');
const END_RAW = new RegExp(`\\{%([-+]?)${S}*endraw${S}*(?:\\+%\\}|-%\\}${S}*|%\\}\\n?)`, 'g');
const END_COMMENT = new RegExp(`\\+#\\}|-#\\}${S}*|#\\}\\n?`, 'g');
const END_BLOCK = new RegExp(`\\+%\\}|-%\\}${S}*|%\\}\\n?`, 'y');
const END_OUTPUT = new RegExp(`-\\}\\}${S}*|\\}\\}`, 'y');
/** The newline that trim_blocks takes; a minus sign takes spaces anyway. */
const NEWLINE_BEHIND = /(?<!-)[%#]\}\n$/;
const SPACE = new RegExp(`${S}+`, 'y');
const ONLY_SPACE = new RegExp(`^${S}+$`);
const SPACE_AT_END = new RegExp(`${S}+$`);
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}\p{M}\p{Pc}]+/uy;
const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u;
const STRING = /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/**
 * @param trims whether spaces around blocks go, and the newline at the end of the template
 * @throws TemplateFault where the text is no template
 */
export function tokenize(template: string, trims = true): Token[] {
  const source = template.replaceAll(/\r\n?/g, '\n');
  return new Lexer(trims ? source.replace(/\n$/, '') : source, trims).run();
}

class Lexer {
  readonly #source: string;
  readonly #trims: boolean;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #counted = 0;
  /** Whether what was read last ended a line. */
  #lineBegins = true;

  constructor(source: string, trims: boolean) {
    this.#source = source;
    this.#trims = trims;
  }

  run(): Token[] {
    while (this.#at < this.#source.length) {
      const opening = this.#find(OPENING);
      if (!opening) {
        this.#data(this.#source.slice(this.#at));
        break;
      }
      const raw = this.#match(RAW, opening.index);
      const sign = /[-+]/.exec(this.#source[opening.index + 2] ?? '')?.[0] ?? '';
      this.#data(this.#stripped(this.#source.slice(this.#at, opening.index), sign, opening[0] !== '{{'));
      if (raw !== null) {
        this.#move(opening.index + raw.length);
        this.#raw();
      } else {
        this.#move(opening.index + 2 + sign.length);
        if (opening[0] === '{#') this.#comment();
        else this.#code(opening[0], opening[0] === '{{' ? END_OUTPUT : END_BLOCK);
      }
    }
    this.#push('end', '');
    return this.#tokens;
  }

  /** The data before a tag, less what the tag's sign, or lstrip_blocks, takes away. */
  #stripped(data: string, sign: string, isBlock: boolean): string {
    if (sign === '-') return data.replace(SPACE_AT_END, '');
    if (!this.#trims) return data;
    const line = data.lastIndexOf('\n') + 1;
    const begins = line > 0 || this.#lineBegins;
    return sign === '' && isBlock && begins && ONLY_SPACE.test(data.slice(line)) ? data.slice(0, line) : data;
  }

  #raw(): void {
    const end = this.#find(END_RAW) ?? this.#fail('a raw block has no end');
    this.#data(this.#stripped(this.#source.slice(this.#at, end.index), end[1]!, true));
    this.#moveBehind(end.index, end[0]);
  }

  #comment(): void {
    const end = this.#find(END_COMMENT) ?? this.#fail('a comment has no end');
    this.#moveBehind(end.index, end[0]);
  }

  /** Goes on behind the end of a tag; the newline that follows it belongs to it only where spaces go. */
  #moveBehind(at: number, end: string): void {
    this.#move(at + (this.#trims || !NEWLINE_BEHIND.test(end) ? end : end.slice(0, -1)).length);
  }

  /** The tokens between two braces. */
  #code(begin: string, end: RegExp): void {
    this.#push(begin, begin);
    const brackets: string[] = [];
    for (;;) {
      const ended = brackets.length === 0 ? this.#match(end) : null;
      if (ended !== null) {
        this.#push(begin === '{{' ? '}}' : '%}', ended);
        this.#moveBehind(this.#at, ended);
        return;
      }
      const length = (this.#match(SPACE) ?? this.#token(brackets)).length;
      this.#move(this.#at + length);
    }
  }

  /** One token: its text. */
  #token(brackets: string[]): string {
    const float = this.#source[this.#at - 1] === '.' ? null : this.#match(FLOAT);
    if (float !== null) return this.#push('float', float, Number(float.replaceAll('_', '')));
    const integer = this.#match(INTEGER);
    if (integer !== null) return this.#push('integer', integer, readInteger(integer));
    const name = this.#match(NAME);
    if (name !== null) {
      if (!IDENTIFIER.test(name)) this.#fail(`${JSON.stringify(name)} is no name`);
      return this.#push('name', name);
    }
    const string = this.#match(STRING);
    if (string !== null) {
      this.#push('string', unescapeString(string.slice(1, -1)) ?? this.#fail('a string has an escape that is not one'));
      return string;
    }
    const operator = this.#match(OPERATOR);
    if (operator === null) {
      const found = this.#source.slice(this.#at, this.#at + 1);
      return this.#fail(found === '' ? 'a tag has no end' : `${JSON.stringify(found)} is out of place`);
    }
    const closing = CLOSING[operator];
    if (closing !== undefined) brackets.push(closing);
    else if (/[)\]}]/.test(operator) && brackets.pop() !== operator) this.#fail(`"${operator}" closes nothing`);
    return this.#push(operator, operator);
  }

  #data(text: string): void {
    if (text !== '') this.#push('data', text);
  }

  #push(type: string, text: string, value?: bigint | number): string {
    this.#tokens.push({ type, text, line: this.#line, ...(value !== undefined && { value }) });
    return text;
  }

  #find(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source);
  }

  #match(pattern: RegExp, at = this.#at): string | null {
    pattern.lastIndex = at;
    return pattern.exec(this.#source)?.[0] ?? null;
  }

  #move(at: number): void {
    for (; this.#counted < at; this.#counted++) if (this.#source[this.#counted] === '\n') this.#line++;
    this.#lineBegins = this.#source[at - 1] === '\n';
    this.#at = at;
  }

  #fail(reason: string): never {
    throw new TemplateFault(`line ${this.#line} is no Jinja, as ${reason}`);
  }
}
