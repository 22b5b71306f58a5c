import { readFileSync } from 'node:fs';

/**
 * Without comments, ends of lines, and spaces around marks that mean the same without. A minus keeps its own: two of them
 * side by side are another mark.
 * @param {string[]} lines
 */
function compact(lines) {
  return lines
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .join(' ')
    .replaceAll(/ *([,;:{}()=+*/<>&|^%!]) */g, '$1')
    .trim();
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
      const head = lines[0]?.startsWith('// uses: ') ? lines.splice(0, 1) : [];
      return `export default ${JSON.stringify([...head, `${compact(lines)}\n`].join('\n'))};`;
    },
  };
}
