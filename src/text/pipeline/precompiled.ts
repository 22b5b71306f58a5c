// The `Precompiled` normalizer: a table of replacements that SentencePiece made, as a trie in two arrays behind Base64.

import { BambaError } from '../../errors.ts';

/**
 * @param charsmap Base64 of the trie's length in bytes, the trie, and the replacements, each ended by a zero byte
 * @throws BambaError `config_invalid` where it is none
 */
export function precompiledNormalizer(charsmap: string): (text: string) => string {
  const table = new ReplacementTable(charsmap);
  let segmenter: Intl.Segmenter | null = null;
  return (text) => {
    let result = '';
    for (let at = 0; at < text.length;) {
      // Two characters of ASCII in a row never form one grapheme, but for a line's end.
      let end = at + 1;
      if (!isPlain(text, at) || !isPlainOrEnd(text, end)) {
        while (end < text.length && !(isPlain(text, end) && isPlainOrEnd(text, end + 1))) end++;
        segmenter ??= new Intl.Segmenter('und', { granularity: 'grapheme' });
        for (const { segment } of segmenter.segment(text.slice(at, end))) result += table.grapheme(segment);
      } else {
        result += table.grapheme(text[at]!);
      }
      at = end;
    }
    return result;
  };
}

function isPlain(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code < 0x80 && code !== 0x0d && code !== 0x0a;
}

function isPlainOrEnd(text: string, at: number): boolean {
  return at >= text.length || isPlain(text, at);
}

class ReplacementTable {
  readonly #trie: Uint32Array;
  readonly #replacements: Uint8Array;
  readonly #known = new Map<string, string>();
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(charsmap: string) {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = Uint8Array.from(atob(charsmap), (character) => character.charCodeAt(0));
    } catch (cause) {
      throw invalid(cause);
    }
    const length = bytes.length < 4 ? -1 : new DataView(bytes.buffer).getUint32(0, true);
    if (length < 0 || length % 4 !== 0 || 4 + length > bytes.length) throw invalid();
    this.#trie = new Uint32Array(bytes.slice(4, 4 + length).buffer);
    this.#replacements = bytes.subarray(4 + length);
  }

  /** A grapheme: as a whole where it is short and the table has it, else character by character. */
  grapheme(grapheme: string): string {
    let result = this.#known.get(grapheme);
    if (result !== undefined) return result;
    const bytes = this.#encoder.encode(grapheme);
    result =
      (bytes.length < 6 ? this.#replacement(bytes) : null) ??
      Array.from(grapheme, (character) => this.#replacement(this.#encoder.encode(character)) ?? character).join('');
    if (this.#known.size < 10_000) this.#known.set(grapheme, result);
    return result;
  }

  /** The replacement of the shortest beginning that the trie has; null where it has none. */
  #replacement(bytes: Uint8Array): string | null {
    let node = 0;
    let unit = this.#trie[node] ?? 0;
    node ^= offsetOf(unit);
    for (const byte of bytes) {
      if (byte === 0) return null;
      node ^= byte;
      unit = this.#trie[node] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return null;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) {
        const start = (this.#trie[node] ?? 0) & 0x7fffffff;
        const end = this.#replacements.indexOf(0, start);
        return this.#decoder.decode(this.#replacements.subarray(start, end < 0 ? undefined : end));
      }
    }
    return null;
  }
}

function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
}

function invalid(cause?: unknown): BambaError {
  return new BambaError(
    'config_invalid',
    "tokenizer.json has a normalizer whose table is broken. Take the file from the model's own repository.",
    { cause },
  );
}
