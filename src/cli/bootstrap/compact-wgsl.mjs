// Shaders as the package ships them: the same to a compiler, at less than half the length.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const IDENTIFIER = /\b[A-Za-z_]\w*\b/g;
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LETTERS = `${CAPITALS.toLowerCase()}${CAPITALS}`;

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

/** @type {(text: string, pattern: RegExp) => string[]} */
const found = (text, pattern) => Array.from(text.matchAll(pattern), (match) => match[1] ?? '');

/**
 * Short names for what the shaders declare, one for each in all files, which are put together only when they are compiled.
 * What is known outside keeps its name: entry points, overrides, the alias `elem`; and words of the language.
 * @param {string} folder of all shaders
 * @returns {Map<string, string>}
 */
export function shortNames(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'));
  const all = files.map((name) => withoutSpaces(readFileSync(join(folder, name), 'utf8'))).join('\n');
  const callable = new Set(found(all, /\b(?:fn|struct|alias) (\w+)/g));
  const declared = new Set([
    ...callable,
    ...found(all, /\b(?:let|const|var(?:<[^>]*>)?) ?(\w+)/g),
    ...found(all, /(?<![\w.])([A-Za-z_]\w*):/g),
  ]);
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
      short = `${LETTERS[Math.floor(index / CAPITALS.length)]}${CAPITALS[index % CAPITALS.length]}`;
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
  const body = withoutSpaces(text.slice(head.length)).replaceAll(IDENTIFIER, (name) => names.get(name) ?? name);
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
