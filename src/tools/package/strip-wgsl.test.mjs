import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { stripShader } from './strip-wgsl.mjs';

const FOLDER = new URL('../../../shaders/', import.meta.url);
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'));

it('takes comments and indentation away, and leaves each line where it is', () => {
  const text = '// uses: lib/a.wgsl\n// a: b\n\nfn a() {\n  let b = 1; // one\n}\n';
  expect(stripShader(text)).toBe('// uses: lib/a.wgsl\n\n\nfn a() {\nlet b = 1;\n}\n');
});

it.each(files)('leaves the words of %s as they are', (name) => {
  const text = readFileSync(new URL(name, FOLDER), 'utf8');
  const stripped = stripShader(text);
  const words = text.split('\n').flatMap((line) => (line.split('//')[0] ?? '').split(/\s+/).filter(Boolean));
  const kept = stripped.replace(/^\/\/ uses: .*/, '');
  expect(kept).not.toMatch(/\/\/|\/\*/);
  expect(kept.split(/\s+/).filter(Boolean)).toEqual(words);
  expect(stripped.split('\n')).toHaveLength(text.split('\n').length);
  expect(stripped.length).toBeLessThan(text.length);
});
