// Filters that give text.

import { spend } from './budget.ts';
import { escapeHtml } from './escape-html.ts';
import { TemplateFault } from './faults.ts';
import { capitalized, lowerCased, upperCased } from './letter-case.ts';
import { mapAttribute } from './attribute-path.ts';
import { formatPercent } from './percent-format.ts';
import { printed } from './print.ts';
import { countArgument, integerArgument, plainArgument, textArgument } from './signature.ts';
import { lines, replaced, splitAt, stripped } from './string-parts.ts';
import { centered } from './string-methods.ts';
import { toJson } from './json.ts';
import type { Filter } from './filter.ts';
import { WHITESPACE } from './whitespace.ts';
import {
  codePointsOf,
  concat,
  isSafe,
  isStr,
  joined,
  lengthOf,
  mapped,
  markSafe,
  offsetOf,
  plain,
  repeated,
  type Str,
  sub,
} from './text.ts';
import { sumOfTexts } from './text-sum.ts';
import { Dict, listOf, type Named, Thing, truth, Tuple, typeName, type Value } from './values.ts';

function escaped(value: Value): Str {
  return escapeHtml(printed(value));
}

/** Plain text of a value: that of jinja2's `str`, which forgets what is safe. */
function unmarked(value: Value): Str {
  return markSafe(printed(value), false);
}

const WORD = new RegExp(`[^-${WHITESPACE}({[<]+`, 'gu');

/** Each word's first letter large; words end at spaces and opening brackets alone. */
function titleWords(text: string): string {
  return text.replaceAll(WORD, (word) => {
    const first = String.fromCodePoint(word.codePointAt(0)!);
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  });
}

function indented(value: Value, width: Value = 4n, first: Value = false, blank: Value = false): Str {
  if (!isStr(value)) throw new TemplateFault(`"indent" is given a ${typeName(value)}`);
  const indent = isStr(width) ? width : repeated(' ', countArgument(width, 0));
  const all = lines(sumOfTexts(value, '\n'), false);
  const rest = all.slice(1).map((line) => (truth(blank) || plain(line) !== '' ? concat([indent, line]) : line));
  const result = concat([truth(first) ? indent : '', joined([all[0] ?? '', ...rest], '\n')]);
  return markSafe(result, isSafe(value));
}

function truncate(
  value: Value,
  length: Value = 255n,
  kill: Value = false,
  end: Value = '...',
  leeway: Value = null,
): Value {
  const text = isStr(value) ? value : null;
  const size = text === null ? listOf(value).length : lengthOf(text);
  const most = countArgument(integerArgument(length), 0);
  const tail = textArgument(end);
  const spare = leeway === null ? 5 : countArgument(leeway, 0);
  if (most < lengthOf(tail) || spare < 0) throw new TemplateFault('"truncate" is given a length that is too small');
  if (size <= most + spare) return value;
  if (text === null) throw new TemplateFault(`"truncate" is given a ${typeName(value)}`);
  const cut = sub(text, 0, offsetOf(text, most - lengthOf(tail)));
  return sumOfTexts(truth(kill) ? cut : splitAt(cut, ' ', 1, true)[0]!, tail);
}

function urlEncoded(value: Value): Str {
  const isPairs =
    !isStr(value) &&
    (Array.isArray(value) || value instanceof Dict || value instanceof Tuple || value instanceof Thing);
  if (!isPairs) return mapped(unmarked(value), (text) => urlQuoted(text, '/'));
  const pairs = value instanceof Dict ? value.entries().map((entry) => new Tuple(entry)) : listOf(value);
  const parts = pairs.map((pair) => {
    const [key, one, more] = listOf(pair);
    if (key === undefined || one === undefined || more !== undefined)
      throw new TemplateFault('"urlencode" takes pairs');
    const quote = (part: Value) => mapped(unmarked(part), (text) => urlQuoted(text, '').replaceAll('%20', '+'));
    return concat([quote(key), '=', quote(one)]);
  });
  return joined(parts, '&');
}

function urlQuoted(text: string, safe: string): string {
  spend(text.length);
  const quote = (character: string) =>
    character === safe || character === '~' ? character : encodeURIComponent(character);
  const strict = (part: string) =>
    part.replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  if (!text.isWellFormed()) throw new TemplateFault('"urlencode" is given half a character');
  return codePointsOf(text)
    .map((character) => strict(quote(character)))
    .join('');
}

function join(value: Value, separator: Value = '', attribute: Value = null): Str {
  const items = attribute === null ? listOf(value) : listOf(value).map(mapAttribute(attribute));
  return joined(items.map(unmarked), unmarked(separator));
}

function format(value: Value, list: readonly Value[], named: Named): Value {
  if (list.length > 0 && named.size > 0) throw new TemplateFault('"format" takes values by place or by name');
  return formatPercent(printed(value), named.size > 0 ? new Dict(named) : new Tuple(list));
}

export const TEXT_FILTERS: Readonly<Record<string, Filter>> = {
  capitalize: ['', (value) => mapped(printed(value), capitalized)],
  center: ['width', (value, width = 80n) => centered(printed(value), countArgument(width, 0), ' ')],
  e: ['', escaped],
  escape: ['', escaped],
  forceescape: ['', (value) => escapeHtml(unmarked(value))],
  format,
  indent: ['width first blank', indented],
  join: ['d attribute', join],
  lower: ['', (value) => mapped(printed(value), lowerCased)],
  replace: [
    'old! new! count',
    (value, old, by, count = null) => {
      const most = count === null ? -1 : countArgument(count, -1);
      return replaced(unmarked(value), plain(unmarked(old!)), unmarked(by!), most < 0 ? Infinity : most);
    },
  ],
  safe: ['', (value) => markSafe(printed(value))],
  string: ['', printed],
  title: ['', (value) => markSafe(mapped(printed(value), titleWords), false)],
  tojson: [
    'ensure_ascii indent separators sort_keys',
    (value, ensureAscii, indent, separators, sortKeys) =>
      toJson(value, {
        ...(ensureAscii !== undefined && { ensureAscii }),
        ...(indent !== undefined && { indent }),
        ...(separators !== undefined && { separators }),
        ...(sortKeys !== undefined && { sortKeys }),
      }),
  ],
  trim: [
    'chars',
    (value, characters = null) =>
      stripped(printed(value), characters === null ? null : plainArgument(characters), 'both'),
  ],
  truncate: ['length killwords end leeway', truncate],
  upper: ['', (value) => mapped(printed(value), upperCased)],
  urlencode: ['', urlEncoded],
  wordcount: ['', (value) => BigInt([...plain(printed(value)).matchAll(/[\p{L}\p{N}_]+/gu)].length)],
};
