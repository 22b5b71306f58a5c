import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compactWgsl } from './compact-wgsl.mjs';

const shaders = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'shaders');
const files = readdirSync(shaders, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'));

/**
 * What a compiler sees of a shader.
 * @param {string} text
 */
function tokens(text) {
  const marks =
    /0x[\da-f]+[iu]?|[\d.]*\d[\d.]*(?:e[+-]?\d+)?[fhiu]?|\w+|->|--|\+\+|&&|\|\||<<=|>>=|<<|>>|[-+*/%&|^<>=!]=|\S/gi;
  return text.replaceAll(/\/\/.*/g, '').match(marks);
}

/**
 * The text that the plugin makes of a file.
 * @param {string} path
 * @returns {string}
 */
function compacted(path) {
  const { load } = compactWgsl();
  if (typeof load !== 'function') throw new Error('The plugin has no load.');
  const module = Reflect.apply(load, undefined, [`${path}?raw`]);
  return JSON.parse(module.replace(/^export default /, '').replace(/;$/, ''));
}

describe('compactWgsl', () => {
  it.each(files)('leaves %s the same to a compiler', (name) => {
    const text = readFileSync(join(shaders, name), 'utf8');
    const compact = compacted(join(shaders, name));
    expect(tokens(compact)).toEqual(tokens(text));
    expect(compact.length).toBeLessThan(0.75 * text.length);
    expect(compact.split('\n')[0]).toMatch(text.startsWith('// uses: ') ? /^\/\/ uses: / : /./);
  });
});
