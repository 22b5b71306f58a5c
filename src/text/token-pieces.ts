// The contribution of one token to decoded text, for the decoders whose result is these contributions in a row. It is what
// lets an answer be held to a form: the form is one of bytes.

import { bytesOfToken } from './pipeline/byte-alphabet.ts';
import { byteOf } from './pipeline/decoder-steps.ts';
import { isRecord } from './tokenizer-files.ts';

/** A decoder that works token by token. */
export interface PieceDecoding {
  /** The bytes that a token's vocabulary string stands for, which may be a part of a character. */
  bytes(token: string): Uint8Array<ArrayBuffer>;
}

/**
 * Recognises the `decoder` part of tokenizer.json: ByteLevel, Metaspace, and the sequence of SentencePiece models with byte
 * fallback (Replace, ByteFallback, Fuse, Strip). The space that they strip from the start of a text is left in.
 *
 * @returns null for every other decoder: its tokens cannot be decoded one by one
 */
export function pieceDecoding(decoder: unknown): PieceDecoding | null {
  if (!isRecord(decoder)) return null;
  if (decoder.type === 'ByteLevel') return { bytes: bytesOfToken };
  if (decoder.type === 'Metaspace') {
    const replacement = typeof decoder.replacement === 'string' ? decoder.replacement : '\u2581';
    return { bytes: (token) => utf8.encode(token.replaceAll(replacement, ' ')) };
  }
  if (decoder.type !== 'Sequence' || !Array.isArray(decoder.decoders)) return null;
  const steps: unknown[] = decoder.decoders;
  const [only] = steps;
  return steps.length === 1 ? pieceDecoding(only) : byteFallback(steps);
}

const utf8 = new TextEncoder();

function byteFallback(steps: readonly unknown[]): PieceDecoding | null {
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
  if (strip !== null && (strip.content !== ' ' || (strip.stop ?? 0) !== 0)) return null;
  if (rest.length > 0) return null;
  return {
    bytes(token) {
      // The replacement comes first in the sequence, so that a byte token is recognised after it.
      const text = typeof pattern === 'string' ? token.replaceAll(pattern, content) : token;
      const byte = byteOf(text);
      return byte === null ? utf8.encode(text) : Uint8Array.of(byte);
    },
  };
}
