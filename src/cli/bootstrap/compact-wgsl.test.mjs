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

describe('compactShader', () => {
  it.each(files)('leaves %s the same to a compiler, but for names', (name) => {
    const text = readFileSync(join(shaders, name), 'utf8');
    const compact = compactShader(text, names);
    expect(tokens(compact)).toEqual(tokens(text).map((token) => names.get(token) ?? token));
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
