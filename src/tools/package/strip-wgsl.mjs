// Shaders as the package ships them: without comments and indentation. Each line stays on its line, so a compiler's message
// names the same line in the source.

import { readFileSync } from 'node:fs';

/**
 * The text of a shader, or of a part of one. Its first line stays where it names the library files.
 * @param {string} text
 * @returns {string}
 */
export function stripShader(text) {
  return text
    .split('\n')
    .map((line) => (line.startsWith('// uses: ') ? line : line.replace(/\/\/.*/, '').trim()))
    .join('\n');
}

/**
 * A Vite plugin that strips every shader.
 * @returns {import('vite').Plugin}
 */
export function stripWgsl() {
  return {
    name: 'strip-wgsl',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('.wgsl?raw')) return null;
      const text = readFileSync(id.slice(0, -'?raw'.length), 'utf8');
      return `export default ${JSON.stringify(stripShader(text))};`;
    },
  };
}
