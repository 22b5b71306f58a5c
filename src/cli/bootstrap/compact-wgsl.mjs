// Shaders as the package ships them: the same to a compiler, at less than half the length.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const IDENTIFIER = /\b[A-Za-z_]\w*\b/g;
/** One that is no member. */
const OWN_IDENTIFIER = /(?<![\w.])[A-Za-z_]\w*\b/g;
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const SMALL = CAPITALS.toLowerCase();
const LETTERS = `${SMALL}${CAPITALS}`;

/**
 * Without comments, ends of lines, and spaces around marks that mean the same without. A minus keeps its own: two of them
 * side by side are another mark.
 * @param {string} text
 */
function withoutSpaces(text) {
  return text
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .join(' ')
    .replaceAll(/ *([,;:{}()=+*/<>&|^%!]) */g, '$1')
    .trim();
}

const VARIABLE = /\b(?:let|const|var(?:<[^>]*>)?) ?(\w+)/g;

/** @type {(text: string, pattern: RegExp) => string[]} */
const found = (text, pattern) => Array.from(text.matchAll(pattern), (match) => match[1] ?? match[0]);

/**
 * Calls parameters and variables of each function by letters, in the order in which they are declared: the more alike
 * functions become, the less they take where files are sent.
 * @param {string} text without spaces
 */
function withLetters(text) {
  let done = '';
  let rest = text;
  for (let start = rest.search(/\bfn \w+\(/); start >= 0; start = rest.search(/\bfn \w+\(/)) {
    let end = rest.indexOf('{', start);
    const [head, body] = [rest.slice(start, end), end];
    for (let depth = 1; depth > 0;) depth += { '{': 1, '}': -1 }[rest[++end] ?? '}'] ?? 0;
    const code = rest.slice(start, end + 1);
    done += rest.slice(0, start) + lettered(code, locals(head, rest.slice(body, end + 1)));
    rest = rest.slice(end + 1);
  }
  return done + rest;
}

/** @type {(head: string, body: string) => string[]} */
const locals = (head, body) => [...found(head, /(?<![\w.])([A-Za-z_]\w*):/g), ...found(body, VARIABLE)];

/** @type {(code: string, declared: string[]) => string} */
function lettered(code, declared) {
  const names = new Map(declared.map((name) => [name, '']));
  const others = new Set(found(code, OWN_IDENTIFIER).filter((name) => !names.has(name)));
  let index = 0;
  for (const name of names.keys()) {
    let letter = '';
    do {
      // No word of the language ends with a digit.
      letter = `${SMALL[index % SMALL.length]}${index < SMALL.length ? '' : Math.floor(index / SMALL.length) - 1}`;
      index++;
    } while (others.has(letter));
    names.set(name, letter);
  }
  return code.replaceAll(OWN_IDENTIFIER, (name) => names.get(name) ?? name);
}

/**
 * Short names for what else the shaders declare, one for each in all files, which are put together only when they are
 * compiled. What is known outside keeps its name: entry points, overrides, the alias `elem`; and words of the language.
 * @param {string} folder of all shaders
 * @returns {Map<string, string>}
 */
export function shortNames(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'));
  const all = files.map((name) => withLetters(withoutSpaces(readFileSync(join(folder, name), 'utf8')))).join('\n');
  const callable = new Set(found(all, /\b(?:fn|struct|alias) (\w+)/g));
  const declared = new Set([...callable, ...found(all, VARIABLE), ...found(all, /(?<![\w.])([A-Za-z_]\w*):/g)]);
  const kept = new Set([
    'default',
    'elem',
    ...found(all, /\boverride (\w+)/g),
    ...found(all, /@compute[^{]*?\bfn (\w+)/g),
    ...found(all, /@builtin\((\w+)\)/g),
    ...found(all, /\b(?:var|ptr)<([^>]*)>/g).flatMap((words) => words.split(',')),
    ...found(all, /\b(\w+)\(/g).filter((name) => !callable.has(name)),
  ]);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of all.match(IDENTIFIER) ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  const long = [...declared].filter((name) => name.length > 2 && !kept.has(name));
  const names = new Map();
  let index = 0;
  for (const name of long.toSorted((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0))) {
    let short = '';
    do {
      // No word of the language ends with a capital.
      const first = Math.floor(index / CAPITALS.length) - 1;
      short = `${first < 0 ? '' : LETTERS[first]}${CAPITALS[index % CAPITALS.length]}`;
      index++;
    } while (counts.has(short));
    names.set(name, short);
  }
  return names;
}

/**
 * The text of a shader, or of a part of one. Its first line stays, where it names the library files.
 * @param {string} text
 * @param {ReadonlyMap<string, string>} names
 * @returns {string}
 */
export function compactShader(text, names) {
  const head = text.startsWith('// uses: ') ? text.slice(0, text.indexOf('\n') + 1) : '';
  const body = withLetters(withoutSpaces(text.slice(head.length))).replaceAll(
    IDENTIFIER,
    (name) => names.get(name) ?? name,
  );
  return `${head}${body}\n`;
}

/**
 * A Vite plugin that makes every shader compact.
 * @param {string} folder of all shaders
 * @returns {import('vite').Plugin}
 */
export function compactWgsl(folder) {
  const names = shortNames(folder);
  return {
    name: 'compact-wgsl',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('.wgsl?raw')) return null;
      const text = readFileSync(id.slice(0, -'?raw'.length), 'utf8');
      return `export default ${JSON.stringify(compactShader(text, names))};`;
    },
  };
}
