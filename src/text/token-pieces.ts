// What one token contributes to decoded text, for the decoders whose result is the tokens' contributions in a row.
// It is what lets an answer stream without ever decoding anything twice.

import { isRecord } from './tokenizer-files.ts';

/**
 * A token's contribution: bytes, which form characters together with the bytes of neighbouring tokens, or text, which
 * stands alone.
 */
export type TokenPiece =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'text'; readonly text: string };

/** A decoder that works token by token. */
export interface PieceDecoding {
  /** The contribution of a token's vocabulary string. */
  piece(token: string, isAdded: boolean): TokenPiece;
  /** So many spaces at the very start of the text are dropped. */
  readonly stripSpaces: number;
  /** Whether a byte order mark at the start of a run of bytes stays (the `ignoreBOM` of TextDecoder). */
  readonly keepsByteOrderMark: boolean;
}

/**
 * Recognises the `decoder` part of tokenizer.json: ByteLevel, Metaspace, and the sequence of SentencePiece models with
 * byte fallback (Replace, ByteFallback, Fuse, Strip).
 *
 * @returns null for every other decoder: its tokens cannot be decoded one by one
 */
export function pieceDecoding(decoder: unknown): PieceDecoding | null {
  if (!isRecord(decoder)) return null;
  if (decoder.type === 'ByteLevel') return byteLevel;
  if (decoder.type === 'Metaspace') {
    const replacement = typeof decoder.replacement === 'string' ? decoder.replacement : '\u2581';
    return {
      piece: (token) => ({ kind: 'text', text: token.replaceAll(replacement, ' ') }),
      stripSpaces: 1,
      keepsByteOrderMark: false,
    };
  }
  if (decoder.type === 'Sequence' && Array.isArray(decoder.decoders)) return byteFallback(decoder.decoders);
  return null;
}

const byteLevel: PieceDecoding = {
  piece(token, isAdded) {
    if (isAdded) return { kind: 'text', text: token };
    return { kind: 'bytes', bytes: Uint8Array.from(token, (character) => BYTE_OF_CHARACTER.get(character) ?? 0) };
  },
  stripSpaces: 0,
  keepsByteOrderMark: true,
};

/** Character to byte in GPT-2's byte-level alphabet: printable Latin-1 stands for itself, the rest follow from U+0100. */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const alphabet = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
    alphabet.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return alphabet;
})();

function byteFallback(steps: unknown[]): PieceDecoding | null {
  const rest = [...steps];
  const take = (type: string): Record<string, unknown> | null => {
    const [first] = rest;
    if (!isRecord(first) || first.type !== type) return null;
    rest.shift();
    return first;
  };
  const replace = take('Replace');
  const pattern = isRecord(replace?.pattern) ? replace.pattern.String : undefined;
  if (replace !== null && (typeof pattern !== 'string' || pattern === '')) return null;
  const content = typeof replace?.content === 'string' ? replace.content : '';
  if (take('ByteFallback') === null || take('Fuse') === null) return null;
  const strip = take('Strip');
  // Only the usual Strip is taken: spaces from the start of the whole text.
  const start = strip?.start ?? 0;
  if (strip !== null && (strip.content !== ' ' || (strip.stop ?? 0) !== 0)) return null;
  if (rest.length > 0 || typeof start !== 'number') return null;
  return {
    piece(token) {
      // The replacement comes first in the sequence, so that a byte token is recognised after it.
      const text = typeof pattern === 'string' ? token.replaceAll(pattern, content) : token;
      const byte = /^<0x..>$/s.test(text) ? Number.parseInt(text.slice(3, 5), 16) : Number.NaN;
      return Number.isNaN(byte) ? { kind: 'text', text } : { kind: 'bytes', bytes: Uint8Array.of(byte) };
    },
    stripSpaces: start,
    keepsByteOrderMark: false,
  };
}
