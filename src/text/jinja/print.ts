// How values print: Python's `str` and `repr`.

import { spend } from './budget.ts';
import { checkedInteger, floatText } from './numbers.ts';
import { codePointsOf, concat, isStr, originOf, plain, type Str, Text } from './text.ts';
import { Dict, isEmptyUndefined, Tuple, Undefined, type Value } from './values.ts';

/** Python's `str(value)`. */
export function printed(value: Value): Str {
  return isStr(value) ? value : isEmptyUndefined(value) ? '' : represented(value);
}

/** Python's `repr(value)`. */
export function represented(value: Value): Str {
  spend(1);
  if (isStr(value)) return quoted(value);
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return String(checkedInteger(value));
  if (typeof value === 'number') return floatText(value);
  if (Array.isArray(value)) return bracketed('[', value.map(represented), ']');
  if (value instanceof Tuple) {
    return bracketed('(', value.items.map(represented), value.items.length === 1 ? ',)' : ')');
  }
  if (value instanceof Dict) {
    const pairs = value.entries().map(([key, one]) => concat([represented(key), ': ', represented(one)]));
    return bracketed('{', pairs, '}');
  }
  return value instanceof Undefined ? 'Undefined' : value.print();
}

/** Items between brackets. */
export function bracketed(open: string, items: readonly Str[], close: string): Str {
  const parts: Str[] = [open];
  items.forEach((item, index) => parts.push(...(index > 0 ? [', ', item] : [item])));
  return concat([...parts, close]);
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
/** The characters that Python calls unprintable: controls, unassigned and private ones, and all spaces but the plain one. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u;

function quoted(text: Str): Str {
  const content = plain(text);
  const quote = content.includes("'") && !content.includes('"') ? '"' : "'";
  const escaped = escapeCharacters(text, /['\\\p{C}\p{Z}]/u, (character) => {
    if (character === quote) return `\\${quote}`;
    return ESCAPES[character] ?? (character !== ' ' && UNPRINTABLE.test(character) ? codeEscape(character) : character);
  });
  return concat([
    isStr(text) && typeof text !== 'string' && text.safe ? `Markup(${quote}` : quote,
    escaped,
    typeof text !== 'string' && text.safe ? `${quote})` : quote,
  ]);
}

/** Characters replaced one by one, where the pattern finds any; what replaces one has its origin. */
export function escapeCharacters(text: Str, pattern: RegExp, escape: (character: string) => string): Str {
  const content = plain(text);
  spend(content.length / 16);
  if (!pattern.test(content)) return text;
  spend(content.length);
  if (typeof text === 'string') return codePointsOf(content).map(escape).join('');
  const from = originOf(text);
  let result = '';
  let origin = '';
  let at = 0;
  for (const character of content) {
    const replaced = escape(character);
    result += replaced;
    origin += from[at]!.repeat(replaced.length);
    at += character.length;
  }
  return new Text(result, origin);
}

function codeEscape(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}
