import { readFileSync } from 'node:fs';

/**
 * Without its comment, and without spaces around marks that mean the same without.
 * @param {string} line
 */
function compactLine(line) {
  return line
    .replace(/\/\/.*/, '')
    .trim()
    .replaceAll(/ *([,;:{}()=]) */g, '$1');
}

/**
 * A Vite plugin: shaders without comments and spaces, which are half of their text. The first line stays, where it
 * names the library files.
 * @returns {import('vite').Plugin}
 */
export function compactWgsl() {
  return {
    name: 'compact-wgsl',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('.wgsl?raw')) return null;
      const lines = readFileSync(id.slice(0, -'?raw'.length), 'utf8').split('\n');
      const compact = lines.map((line, index) =>
        index === 0 && line.startsWith('// uses: ') ? line : compactLine(line),
      );
      const text = `${compact.filter((line) => line !== '').join('\n')}\n`.replaceAll(/([,;{}(])\n/g, '$1');
      return `export default ${JSON.stringify(text)};`;
    },
  };
}
