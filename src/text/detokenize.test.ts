import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createDetokenizer } from './detokenize.ts';
import { arbitraryText } from './fixtures/arbitrary-text.ts';
import { readLexiconFiles } from './fixtures/lexicon.ts';
import { addedTokenFiles, byteFallbackFiles, metaspaceFiles, wordPieceFiles } from './fixtures/synthetic.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';

const make = ({ tokenizerJson, tokenizerConfig }: { tokenizerJson: unknown; tokenizerConfig: unknown }): Tokenizer =>
  createTokenizer(tokenizerJson, tokenizerConfig);

/** The byte-level tokenizer with another decoder. */
function withDecoder(decoder: unknown): { tokenizerJson: unknown; tokenizerConfig: unknown } {
  const { tokenizerJson, tokenizerConfig } = addedTokenFiles();
  return { tokenizerJson: { ...(tokenizerJson as object), decoder }, tokenizerConfig };
}

const lexicon = make(readLexiconFiles());
const tokenizers: [string, Tokenizer][] = [
  ['Lexicon (byte level)', lexicon],
  ['byte level, added tokens that are not special', make(addedTokenFiles())],
  ['byte fallback', make(byteFallbackFiles())],
  ['metaspace', make(metaspaceFiles())],
  ['WordPiece (by a window)', make(wordPieceFiles())],
  [
    'byte level inside a sequence (by a window)',
    make(withDecoder({ type: 'Sequence', decoders: [{ type: 'ByteLevel' }] })),
  ],
];

describe.each(tokenizers)('%s', (_, tokenizer) => {
  // Ids in groups, as an engine may hand over several at once; a few lie beyond the vocabulary.
  const groups = fc.array(fc.array(fc.nat({ max: tokenizer.vocabSize + 1 }), { maxLength: 4 }), { maxLength: 12 });
  // Few different ids, so that bytes meet and form characters, and special tokens fall between them.
  const dense = fc
    .array(fc.nat({ max: tokenizer.vocabSize - 1 }), { minLength: 1, maxLength: 6 })
    .chain((few) => fc.array(fc.array(fc.constantFrom(...few, 0, 1), { maxLength: 4 }), { maxLength: 16 }));

  test('pieces in a row are the decoded text', () => {
    fc.assert(
      fc.property(fc.oneof(groups, dense), (pushed) => {
        const detokenizer = createDetokenizer(tokenizer);
        const whole = tokenizer.decode(pushed.flat(), { skipSpecialTokens: true });
        let text = '';
        for (const ids of pushed) {
          const before = text.length;
          text += detokenizer.push(ids);
          expect(whole.startsWith(text)).toBe(true);
          expect(detokenizer.end).toBeGreaterThanOrEqual(text.length);
          expect(detokenizer.end).toBeLessThanOrEqual(text.length + 1);
          expect(text.length).toBeGreaterThanOrEqual(before);
        }
        expect(text + detokenizer.flush()).toBe(whole);
      }),
      { numRuns: 600, seed: 20261201 },
    );
  });

  test('after flush a new text begins', () => {
    fc.assert(
      fc.property(groups, groups, (first, second) => {
        const used = createDetokenizer(tokenizer);
        used.push(first.flat());
        used.flush();
        expect(used.end).toBe(0);
        expect(used.push(second.flat())).toBe(createDetokenizer(tokenizer).push(second.flat()));
      }),
      { numRuns: 100, seed: 20261202 },
    );
  });
});

describe('characters of several tokens', () => {
  /** Its first 256 ids are the bytes. */
  const tokenizer = make(addedTokenFiles());

  test('a text pushed id by id never shows a replacement character that it does not have', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        fc.pre(!text.includes('\ufffd') && !text.includes('<|'));
        const detokenizer = createDetokenizer(lexicon);
        const pieces = lexicon.encode(text, { addSpecialTokens: false }).map((id) => detokenizer.push([id]));
        for (const piece of pieces) expect(piece.isWellFormed() && !piece.includes('\ufffd')).toBe(true);
        expect(pieces.join('') + detokenizer.flush()).toBe(text);
      }),
      { numRuns: 300, seed: 20261203 },
    );
  });

  test('half a character waits, and counts as one in `end`', () => {
    const detokenizer = createDetokenizer(tokenizer);
    const [a, b, c, d] = [...Buffer.from('🙂')] as [number, number, number, number];
    expect([detokenizer.push([a]), detokenizer.end]).toEqual(['', 1]);
    expect([detokenizer.push([b, c]), detokenizer.end]).toEqual(['', 1]);
    expect([detokenizer.push([d]), detokenizer.end]).toEqual(['🙂', 2]);
    expect([detokenizer.push([a]), detokenizer.end]).toEqual(['', 3]);
    expect(detokenizer.flush()).toBe('\ufffd');
  });

  test('bytes that can form no character are handed out at once', () => {
    for (const bytes of [[0xff], [0xc0], [0x80], [0xe0, 0x80], [0xed, 0xa0], [0xf4, 0x90], [0xf5], [0xc3, 0x41]]) {
      const detokenizer = createDetokenizer(tokenizer);
      const text = detokenizer.push(bytes);
      expect(text).toContain('\ufffd');
      expect(detokenizer.end).toBe(text.length);
      expect(detokenizer.flush()).toBe('');
    }
  });

  test('`end` says whether bytes are waiting, for all sequences of bytes', () => {
    const lively = fc.constantFrom(0x41, 0x80, 0x90, 0xa0, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xff);
    fc.assert(
      fc.property(fc.array(fc.oneof(lively, fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }), (bytes) => {
        const detokenizer = createDetokenizer(tokenizer);
        const text = detokenizer.push(bytes);
        const waits = detokenizer.end > text.length;
        expect(detokenizer.flush() !== '').toBe(waits);
      }),
      { numRuns: 2000, seed: 20261204 },
    );
  });

  test('a byte order mark is dropped or kept as the decoder does it', () => {
    const mark = [0xef, 0xbb, 0xbf];
    const kept = createDetokenizer(tokenizer);
    expect(kept.push([...mark, 0x41])).toBe('\ufeffA');
    const fallback = make(byteFallbackFiles());
    const ids = [...mark.map((value) => value + 3), fallback.tokenToId('▁the')!, ...mark.map((value) => value + 3)];
    const detokenizer = createDetokenizer(fallback);
    expect(detokenizer.push(ids) + detokenizer.flush()).toBe('\ufeff the\ufeff');
    expect(fallback.decode(ids, { skipSpecialTokens: true })).toBe('\ufeff the\ufeff');
    expect(fallback.idToToken(0xef + 3)).toBe('<0xEF>');
  });

  test('a special token between the halves of a character does not part them, another added token does', () => {
    const [a, b] = [...Buffer.from('é')] as [number, number];
    const special = createDetokenizer(tokenizer);
    expect(special.push([a, 257, b])).toBe('é');
    const plain = createDetokenizer(tokenizer);
    expect(plain.push([a, 259, b])).toBe('\ufffd<think>\ufffd');
  });
});
