import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compactShader, shortNames } from './compact-wgsl.mjs';

const shaders = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'shaders');
const files = readdirSync(shaders, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'));
const names = shortNames(shaders);

/**
 * What a compiler sees of a shader.
 * @param {string} text
 * @returns {string[]}
 */
function tokens(text) {
  const marks =
    /0x[\da-f]+[iu]?|[\d.]*\d[\d.]*(?:e[+-]?\d+)?[fhiu]?|\w+|->|--|\+\+|&&|\|\||<<=|>>=|<<|>>|[-+*/%&|^<>=!]=|\S/gi;
  return text.replaceAll(/\/\/.*/g, '').match(marks) ?? [];
}

/**
 * Functions and what is between them, in turn; functions are at odd places.
 * @param {string[]} list of tokens
 */
function byFunction(list) {
  /** @type {string[][]} */
  const parts = [[]];
  let depth = 0;
  for (const token of list) {
    if (token === 'fn') parts.push([]);
    parts.at(-1)?.push(token);
    if (parts.length % 2 === 1) continue;
    depth += { '{': 1, '}': -1 }[token] ?? 0;
    if (token === '}' && depth === 0) parts.push([]);
  }
  return parts;
}

/**
 * Names of parameters and variables, each with the one that stands for it.
 * @param {string[]} code tokens of a function
 * @param {string[]} compact
 */
function renamed(code, compact) {
  const declares = (/** @type {number} */ at) =>
    ['let', 'var', 'const'].includes(code[at - 1] ?? '') || (at < code.indexOf('{') && code[at + 1] === ':');
  return new Map(code.flatMap((token, at) => (declares(at) ? [[token, compact[at] ?? '']] : [])));
}

describe('compactShader', () => {
  it.each(files)('leaves %s the same to a compiler, but for names', (name) => {
    const text = readFileSync(join(shaders, name), 'utf8');
    const compact = compactShader(text, names);
    const [before, after] = [byFunction(tokens(text)), byFunction(tokens(compact))];
    expect(after.length).toBe(before.length);
    for (const [index, code] of before.entries()) {
      const locals = index % 2 === 1 ? renamed(code, after[index] ?? []) : new Map();
      const own = (/** @type {number} */ at) => code[at - 1] !== '.' && locals.has(code[at] ?? '');
      const expected = code.map((token, at) => (own(at) ? locals.get(token) : (names.get(token) ?? token)));
      expect(after[index]).toEqual(expected);
      // No two names become one.
      const inUse = new Set(code.filter((token, at) => /^[A-Za-z_]/.test(token) && code[at - 1] !== '.'));
      expect(new Set([...inUse].map((token) => locals.get(token) ?? names.get(token) ?? token)).size).toBe(inUse.size);
    }
    expect(compact.length).toBeLessThan(0.75 * text.length);
    expect(compact.split('\n')[0]).toBe(text.startsWith('// uses: ') ? text.split('\n')[0] : compact.trimEnd());
  });

  it('gives each name another, which nothing else has', () => {
    const words = new Set(files.flatMap((name) => tokens(readFileSync(join(shaders, name), 'utf8'))));
    const short = [...names.values()];
    expect(new Set(short).size).toBe(short.length);
    expect(short.filter((name) => words.has(name))).toEqual([]);
  });

  it('keeps what is known outside, and words of the language', () => {
    const kept = ['matmul_swiglu', 'WG', 'LANES_T', 'elem', 'workgroup', 'read_write', 'subgroup_size', 'default'];
    const ofTheLanguage = ['select', 'dot', 'min', 'array', 'vec4f', 'workgroupBarrier', 'return', 'var'];
    expect([...kept, ...ofTheLanguage].filter((word) => names.has(word))).toEqual([]);
    expect(names.has('workgroup_sum')).toBe(true);
  });
});
