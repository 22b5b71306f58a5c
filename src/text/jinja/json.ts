// Python's `json.dumps`, as the filter `tojson` of chat templates calls it: without escapes for HTML.

import { spend } from './budget.ts';
import { TemplateFault } from './faults.ts';
import { floatText } from './numbers.ts';
import { escapeCharacters, represented } from './print.ts';
import { concat, isStr, plain, repeated, type Str } from './text.ts';
import { asNumber, compare, Dict, listOf, Tuple, truth, typeName, type Value } from './values.ts';

export interface JsonOptions {
  readonly ensureAscii?: Value;
  /** A number of spaces, or a text, for each level; None for one line. */
  readonly indent?: Value;
  /** A pair of texts: between items, and behind keys. */
  readonly separators?: Value;
  readonly sortKeys?: Value;
}

/** @throws TemplateFault for a value that JSON has not */
export function toJson(value: Value, options: JsonOptions): Str {
  const { ensureAscii = false, indent = null, separators = null, sortKeys = false } = options;
  const [between, colon] = readSeparators(separators, indent !== null);
  return new JsonWriter(truth(ensureAscii), readIndent(indent), between, colon, truth(sortKeys)).write(value, 0);
}

function readSeparators(separators: Value, indented: boolean): [Str, Str] {
  if (separators === null) return [indented ? ',' : ', ', ': '];
  const parts = listOf(separators);
  const [between, colon] = parts;
  if (parts.length === 2 && isStr(between) && isStr(colon)) return [between, colon];
  throw new TemplateFault('tojson takes two texts as separators');
}

function readIndent(indent: Value): Str | null {
  if (indent === null || isStr(indent)) return indent;
  if (typeof indent === 'bigint' || typeof indent === 'boolean') return repeated(' ', Number(asNumber(indent)));
  throw new TemplateFault('tojson takes a number or a text as indent');
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
};

const CONTROLS = /["\\\p{Cc}]/u;
const NOT_PLAIN = /[^ !#-[\]-~]/;

class JsonWriter {
  readonly #ascii: boolean;
  readonly #indent: Str | null;
  readonly #between: Str;
  readonly #colon: Str;
  readonly #sorted: boolean;

  constructor(ascii: boolean, indent: Str | null, between: Str, colon: Str, sorted: boolean) {
    this.#ascii = ascii;
    this.#indent = indent;
    this.#between = between;
    this.#colon = colon;
    this.#sorted = sorted;
  }

  write(value: Value, level: number): Str {
    spend(1);
    if (isStr(value)) return this.#string(value);
    if (value === null) return 'null';
    if (typeof value === 'boolean') return String(value);
    if (typeof value === 'bigint') return represented(value);
    if (typeof value === 'number') return floatJson(value);
    if (Array.isArray(value))
      return this.#items(
        '[',
        value.map((item) => this.write(item, level + 1)),
        ']',
        level,
      );
    if (value instanceof Tuple) return this.write([...value.items], level);
    if (value instanceof Dict) return this.#items('{', this.#pairs(value, level + 1), '}', level);
    throw new TemplateFault(`tojson is given a ${typeName(value)}, which JSON has not`);
  }

  #pairs(dict: Dict, level: number): Str[] {
    const entries = dict.entries();
    if (this.#sorted) entries.sort(([a], [b]) => compare(a, b));
    return entries.map(([key, value]) => concat([this.#string(keyText(key)), this.#colon, this.write(value, level)]));
  }

  #items(open: string, items: readonly Str[], close: string, level: number): Str {
    if (items.length === 0) return open + close;
    const newline = this.#indent === null ? '' : concat(['\n', repeated(this.#indent, level + 1)]);
    const last = this.#indent === null ? '' : concat(['\n', repeated(this.#indent, level)]);
    const parts = items.flatMap((item, index) => (index === 0 ? [newline, item] : [this.#between, newline, item]));
    return concat([open, ...parts, last, close]);
  }

  #string(text: Str): Str {
    const escaped = escapeCharacters(text, this.#ascii ? NOT_PLAIN : CONTROLS, (character) => {
      const short = SHORT[character];
      if (short !== undefined) return short;
      if (character >= ' ' && (!this.#ascii || character <= '~')) return character;
      const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
      return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
    });
    return concat(['"', escaped, '"']);
  }
}

function floatJson(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? '-Infinity' : 'Infinity';
  return floatText(value);
}

/** Keys become text: Python writes `true`, `null` and numbers as it writes such values. */
function keyText(key: Value): Str {
  if (isStr(key)) return key;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return String(key);
  if (typeof key === 'bigint') return plain(represented(key));
  if (typeof key === 'number') return floatJson(key);
  throw new TemplateFault(`tojson is given a key that is a ${typeName(key)}`);
}
