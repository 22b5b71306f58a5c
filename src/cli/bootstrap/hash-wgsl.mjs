// What builds have in place of the texts of all shaders, where only a change of them matters.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The module that has all texts where nothing is built. */
const SOURCES = '/src/kernels/sources.ts';

/**
 * All shaders but those of the benchmark, the shortest first.
 * @param {string} folder
 */
function shaderFiles(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.wgsl') && !name.startsWith('bench/'))
    .toSorted()
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
    .toSorted((a, b) => a.text.length - b.text.length);
}

/**
 * SHA-256 of their names and texts.
 * @param {string} folder
 * @returns {string}
 */
export function hashShaders(folder) {
  return createHash('sha256')
    .update(JSON.stringify(shaderFiles(folder)))
    .digest('hex');
}

/**
 * A Vite plugin that puts the hash in the place of the texts. Those that something else uses come side by side, those of a
 * length together: alike as they are, they take less where the file is compressed.
 * @param {string} folder of all shaders
 * @returns {import('vite').Plugin}
 */
export function hashWgsl(folder) {
  return {
    name: 'hash-wgsl',
    apply: 'build',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith(SOURCES)) return null;
      const base = folder.replaceAll('\\', '/');
      const imports = shaderFiles(folder).map(({ name }) => `import ${JSON.stringify(`${base}/${name}?raw`)};\n`);
      return `${imports.join('')}export const shaderSources = '${hashShaders(folder)}';`;
    },
  };
}
