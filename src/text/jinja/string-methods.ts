// The methods of Python's `str`.

import { spend } from './budget.ts';
import { formatBraces, type Members } from './brace-format.ts';
import { escapeHtml } from './escape-html.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { aligned } from './format-number.ts';
import { capitalized, isCased, lowerCased, swappedCase, titleCased, upperCased } from './letter-case.ts';
import { callable, countArgument, type Ordered, plainArgument, signature, textArgument } from './signature.ts';
import { lines, partition, replaced, splitAt, splitSpace, stripped } from './string-parts.ts';
import {
  concat,
  indexAt,
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
import { Callable, listOf, Tuple, typeName, type Value } from './values.ts';
import { WHITESPACE } from './whitespace.ts';

type Method = (text: Str, ...ordered: Ordered) => Value;

/** Tests of every character, false for no text. */
const CHARACTER_TESTS: Readonly<Record<string, RegExp>> = {
  isalnum: /^[\p{L}\p{N}]+$/u,
  isalpha: /^\p{L}+$/u,
  isdecimal: /^\p{Nd}+$/u,
  isdigit:
    /^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792]+$/u,
  isnumeric:
    /^[\p{N}\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341\u767e\u5343\u842c\u4e07\u5104\u4ebf\u5146]+$/u,
  isspace: new RegExp(`^[${WHITESPACE}]+$`),
};

function test(name: string): [string, Method] {
  return ['', (text) => CHARACTER_TESTS[name]!.test(plain(text))];
}

/** Where a text is found between two places, in code points; -1 where it is not. */
function find(text: Str, part: Value | undefined, bounds: Ordered, last: boolean): bigint {
  const sought = plainArgument(part);
  const between = window(text, bounds);
  if (between === null) return -1n;
  const [from, to] = between;
  const inside = plain(text).slice(from, to);
  const at = last ? inside.lastIndexOf(sought) : inside.indexOf(sought);
  return at < 0 ? -1n : BigInt(indexAt(text, from + at));
}

/** UTF-16 offsets of two places that may be given; null where the first is beyond the text or the second. */
function window(text: Str, [start, stop]: Ordered): [number, number] | null {
  spend(plain(text).length / 16);
  if ((start ?? null) === null && (stop ?? null) === null) return [0, plain(text).length];
  const length = lengthOf(text);
  const place = (at: number) => (at < 0 ? Math.max(0, at + length) : at);
  const from = place(countArgument(start ?? undefined, 0));
  const to = Math.min(length, place(countArgument(stop ?? undefined, length)));
  return from > to ? null : [offsetOf(text, from), offsetOf(text, to)];
}

function found(index: bigint): bigint {
  if (index < 0n) throw new TemplateFault('a text is asked for the place of what it has not');
  return index;
}

function edge(text: Str, parts: Value | undefined, bounds: Ordered, atStart: boolean): boolean {
  const list = parts instanceof Tuple ? parts.items.map(plainArgument) : [plainArgument(parts)];
  const between = window(text, bounds);
  if (between === null) return false;
  const inside = plain(text).slice(...between);
  return list.some((part) => (atStart ? inside.startsWith(part) : inside.endsWith(part)));
}

function counted(text: Str, part: Value | undefined, bounds: Ordered): bigint {
  const sought = plainArgument(part);
  const between = window(text, bounds);
  if (between === null) return 0n;
  const inside = plain(text).slice(...between);
  return BigInt(sought === '' ? lengthOf(inside) + 1 : inside.split(sought).length - 1);
}

/** Text in the middle of a width. Where the sides differ, Python gives the left one more in a width that is odd. */
export function centered(text: Str, width: number, fill: Str): Str {
  const missing = Math.max(0, width - lengthOf(text));
  const left = Math.floor(missing / 2) + (missing & width & 1);
  return concat([repeated(fill, left), text, repeated(fill, missing - left)]);
}

function justified(align: string): [string, Method] {
  return [
    'width! fill /',
    (text, width, fill = ' ') => {
      const filler = textArgument(fill);
      if (lengthOf(filler) !== 1) throw new TemplateFault('a text is filled up with more or less than one character');
      const wide = countArgument(width, 0);
      return align === '^' ? centered(text, wide, filler) : aligned(text, { fill: filler, align, width: wide });
    },
  ];
}

function limit(value: Value | undefined): number {
  const count = countArgument(value, -1);
  return count < 0 ? Infinity : count;
}

function split(last: boolean): [string, Method] {
  return [
    'sep maxsplit',
    (text, separator = null, most) =>
      separator === null
        ? splitSpace(text, limit(most), last)
        : splitAt(text, plainArgument(separator), limit(most), last),
  ];
}

function strip(sides: 'start' | 'end' | 'both'): [string, Method] {
  return [
    'chars /',
    (text, characters = null) => stripped(text, characters === null ? null : plainArgument(characters), sides),
  ];
}

function join(separator: Str, items: Value | undefined): Str {
  const parts = listOf(items ?? null).map((item) => {
    if (isStr(item)) return isSafe(separator) ? escapeHtml(item) : item;
    throw new TemplateFault(`a ${typeName(item)} is joined to a text`);
  });
  return joined(parts, separator);
}

function zeroFilled(text: Str, width: Value | undefined): Str {
  const sign = /^[-+]/.test(plain(text)) ? 1 : 0;
  return aligned(text, { fill: '0', align: '=', width: countArgument(width, 0) }, sign);
}

function tabsExpanded(text: Str, size: Value | undefined): Str {
  const every = countArgument(size, 8);
  let column = 0;
  let end = 0;
  const parts: Str[] = [];
  for (const { 0: character, index } of plain(text).matchAll(/[\t\n\r]|[^\t\n\r]+/g)) {
    if (character !== '\t') column = /[\n\r]/.test(character) ? 0 : column + lengthOf(character);
    else {
      const spaces = every > 0 ? every - (column % every) : 0;
      parts.push(sub(text, end, index), repeated(' ', spaces));
      column += spaces;
      end = index + 1;
    }
  }
  return concat([...parts, sub(text, end)]);
}

const METHODS = new Map<string, [string, Method]>(
  Object.entries({
    capitalize: ['', (text) => mapped(text, capitalized)],
    center: justified('^'),
    count: ['sub! start end /', (text, part, ...bounds) => counted(text, part, bounds)],
    endswith: ['suffix! start end /', (text, part, ...bounds) => edge(text, part, bounds, false)],
    expandtabs: ['tabsize', tabsExpanded],
    find: ['sub! start end /', (text, part, ...bounds) => find(text, part, bounds, false)],
    index: ['sub! start end /', (text, part, ...bounds) => found(find(text, part, bounds, false))],
    islower: ['', (text) => isCased(plain(text), 'lower')],
    istitle: ['', (text) => isCased(plain(text), 'title')],
    isupper: ['', (text) => isCased(plain(text), 'upper')],
    isascii: ['', (text) => !/\P{ASCII}/u.test(plain(text))],
    join: ['iterable! /', join],
    ljust: justified('<'),
    lower: ['', (text) => mapped(text, lowerCased)],
    lstrip: strip('start'),
    partition: ['sep! /', (text, separator) => partition(text, plainArgument(separator), false)],
    removeprefix: [
      'prefix! /',
      (text, prefix) => (edge(text, textArgument(prefix), [], true) ? sub(text, plainArgument(prefix).length) : text),
    ],
    removesuffix: [
      'suffix! /',
      (text, suffix) => {
        const part = plainArgument(suffix);
        return part !== '' && edge(text, part, [], false) ? sub(text, 0, plain(text).length - part.length) : text;
      },
    ],
    replace: [
      'old! new! count /',
      (text, old, by, count) =>
        replaced(
          text,
          plainArgument(old),
          isSafe(text) ? escapeHtml(textArgument(by)) : textArgument(by),
          limit(count),
        ),
    ],
    rfind: ['sub! start end /', (text, part, ...bounds) => find(text, part, bounds, true)],
    rindex: ['sub! start end /', (text, part, ...bounds) => found(find(text, part, bounds, true))],
    rjust: justified('>'),
    rpartition: ['sep! /', (text, separator) => partition(text, plainArgument(separator), true)],
    rsplit: split(true),
    rstrip: strip('end'),
    split: split(false),
    splitlines: ['keepends', (text, keep = false) => lines(text, keep !== false && keep !== 0n && keep !== null)],
    startswith: ['prefix! start end /', (text, part, ...bounds) => edge(text, part, bounds, true)],
    strip: strip('both'),
    swapcase: ['', (text) => mapped(text, swappedCase)],
    title: ['', (text) => mapped(text, titleCased)],
    upper: ['', (text) => mapped(text, upperCased)],
    zfill: ['width! /', zeroFilled],
    ...Object.fromEntries(Object.keys(CHARACTER_TESTS).map((name) => [name, test(name)])),
  } satisfies Record<string, [string, Method]>),
);

/** Methods that Python has besides. */
const UNSUPPORTED = ['casefold', 'encode', 'format_map', 'isidentifier', 'isprintable', 'maketrans', 'translate'];

/** A method with its text; undefined where there is none of that name. */
export function stringMethod(text: Str, name: string, members: Members): Value | undefined {
  if (UNSUPPORTED.includes(name)) throw new TemplateUnsupported(`"${name}" of texts`);
  if (name === 'format') {
    if (isSafe(text)) throw new TemplateUnsupported('"format" of text that is marked as safe');
    return new Callable((list, named) => formatBraces(text, list, named, members), 'method');
  }
  const method = METHODS.get(name);
  if (method === undefined) return undefined;
  const [parameters, call] = method;
  if (!isSafe(text)) return callable(parameters, (...ordered) => call(text, ...ordered), 'method');
  // Methods of safe HTML give safe HTML.
  const order = signature(parameters);
  return new Callable((list, named) => allSafe(call(text, ...order(list, named))), 'method');
}

function allSafe(value: Value): Value {
  if (isStr(value)) return markSafe(value);
  if (Array.isArray(value)) return value.map(allSafe);
  if (value instanceof Tuple) return new Tuple(value.items.map(allSafe));
  return value;
}
