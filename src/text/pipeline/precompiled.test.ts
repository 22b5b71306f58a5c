import { expect, test } from 'vitest';

import { precompiledNormalizer } from './precompiled.ts';

/** A table as SentencePiece writes it, in which `a` becomes `bc`, a line's end of two characters a space, `é` nothing. */
function table(): string {
  const trie = new Uint32Array(8192);
  const plant = (bytes: number[], value: number) => {
    let node = 256;
    bytes.forEach((byte, depth) => {
      const offset = 512 << depth;
      const leaf = depth === bytes.length - 1 ? 1 << 8 : 0;
      node ^= byte;
      trie[node] = byte | leaf | (offset << 10);
      node ^= offset;
    });
    trie[node] = value | 0x80000000;
  };
  trie[0] = 256 << 10;
  plant([0x61], 0);
  plant([0x0d, 0x0a], 3);
  plant([0xc3, 0xa9], 5);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(trie.byteLength);
  return Buffer.concat([length, Buffer.from(trie.buffer), Buffer.from('bc\0 \0\0')]).toString('base64');
}

test('replaces graphemes, and characters of those that it does not have', () => {
  const normalize = precompiledNormalizer(table());
  expect(normalize('')).toBe('');
  expect(normalize('xa-a')).toBe('xbc-bc');
  // The two characters of a line's end are one grapheme, wherever they stand; one of them alone is not replaced.
  expect(normalize('a\r\nx\r\n')).toBe('bc x ');
  expect(normalize('\n\r')).toBe('\n\r');
  // The shortest beginning that the table has stands for a short grapheme.
  expect(normalize('a\u0301')).toBe('bc');
  expect(normalize('é🙂x\u0301')).toBe('🙂x\u0301');
});

test('a broken table is refused', () => {
  for (const broken of ['', 'AAA', '////', '?', 'BQAAAAAA']) {
    expect(() => precompiledNormalizer(broken)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  }
});
