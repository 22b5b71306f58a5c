import { PreTrainedTokenizer } from '@huggingface/transformers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { arbitraryText } from './fixtures/arbitrary-text.ts';
import { readLexiconFiles } from './fixtures/lexicon.ts';
import { addedTokenFiles, byteFallbackFiles, metaspaceFiles, wordPieceFiles } from './fixtures/synthetic.ts';
import { createTokenizer, fromTransformersTokenizer, isTransformersTokenizer, type Tokenizer } from './tokenizer.ts';
import { parseJsonFile } from './tokenizer-files.ts';

const lexicon = readLexiconFiles();
const tokenizer = createTokenizer(lexicon.tokenizerJson, lexicon.tokenizerConfig);
const oracle = new PreTrainedTokenizer(readLexiconFiles().tokenizerJson, readLexiconFiles().tokenizerConfig);
const synthetic = { byteFallback: byteFallbackFiles(), metaspace: metaspaceFiles(), added: addedTokenFiles() };
const idsBelow = (size: number) => fc.array(fc.nat({ max: size - 1 }), { maxLength: 24 });

function make({ tokenizerJson, tokenizerConfig }: { tokenizerJson: unknown; tokenizerConfig: unknown }): Tokenizer {
  return createTokenizer(tokenizerJson, tokenizerConfig);
}

describe('as @huggingface/transformers', () => {
  test('the same ids for 1,000 texts', () => {
    fc.assert(
      fc.property(arbitraryText, fc.boolean(), (text, addSpecialTokens) => {
        const ids = tokenizer.encode(text, { addSpecialTokens });
        expect(ids).toEqual(oracle.encode(text, { add_special_tokens: addSpecialTokens }));
      }),
      { numRuns: 1000, seed: 20261123 },
    );
  });

  test('the same text for 1,000 id sequences', () => {
    fc.assert(
      fc.property(idsBelow(tokenizer.vocabSize), fc.boolean(), (ids, skipSpecialTokens) => {
        fc.pre(ids.length > 0);
        const text = tokenizer.decode(ids, { skipSpecialTokens });
        expect(text).toBe(oracle.decode(ids, { skip_special_tokens: skipSpecialTokens }));
      }),
      { numRuns: 1000, seed: 20261124 },
    );
  });

  test('decoding gives back every text', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const ids = tokenizer.encode(text, { addSpecialTokens: false });
        expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(text);
      }),
      { numRuns: 300, seed: 20261125 },
    );
  });

  test('spaces before punctuation stay, whatever clean_up_tokenization_spaces says', () => {
    const config = { ...(lexicon.tokenizerConfig as object), clean_up_tokenization_spaces: true };
    const careful = createTokenizer(lexicon.tokenizerJson, config);
    const ids = careful.encode("a , b . c n't", { addSpecialTokens: false });
    expect(careful.decode(ids, { skipSpecialTokens: true })).toBe("a , b . c n't");
  });
});

describe('vocabulary', () => {
  test('sizes, names and special ids', () => {
    expect(tokenizer.vocabSize).toBe(12_288);
    expect([...tokenizer.specialIds].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    expect(tokenizer.namedTokens).toEqual({
      bos_token: '<|begin_of_text|>',
      eos_token: '<|im_end|>',
      pad_token: '<|pad|>',
    });
    expect(tokenizer.tokenToId('<|im_end|>')).toBe(2);
    expect(tokenizer.idToToken(2)).toBe('<|im_end|>');
    expect(tokenizer.tokenToId('no such token')).toBeUndefined();
    expect(tokenizer.idToToken(12_288)).toBeUndefined();
  });

  test('a token named by tokenizer_config.json as an object, and an additional one, count as special', () => {
    const files = addedTokenFiles();
    const config = { eos_token: { content: '<think>' }, additional_special_tokens: ['<l>', { content: '<r>' }] };
    const special = createTokenizer(files.tokenizerJson, config);
    expect(special.namedTokens.eos_token).toBe('<think>');
    expect(special.specialIds.has(259)).toBe(true);
    expect(special.decode([65, 259, 66], { skipSpecialTokens: true })).toBe('AB');
  });

  test('token bytes: the bytes of a text, in a row', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const ids = tokenizer.encode(text, { addSpecialTokens: false });
        expect(Buffer.concat(ids.map((id) => tokenizer.tokenBytes(id)!))).toEqual(Buffer.from(text));
      }),
      { numRuns: 200, seed: 20261126 },
    );
    expect(tokenizer.tokenBytes(12_288)).toBeNull();
    const llama = make(synthetic.byteFallback);
    expect(llama.tokenBytes(llama.tokenToId('<0xE2>')!)).toEqual(Uint8Array.of(0xe2));
    expect(llama.tokenBytes(llama.tokenToId('▁the')!)).toEqual(new TextEncoder().encode(' the'));
    expect(make(wordPieceFiles()).tokenBytes(3)).toBeNull();
  });

  test('ids beyond the vocabulary decode to nothing', () => {
    expect(tokenizer.decode([12_288, 2280, 1e6], { skipSpecialTokens: true })).toBe('Hello');
    expect(tokenizer.decode([], { skipSpecialTokens: true })).toBe('');
    expect(make(synthetic.byteFallback).decode([99_999], { skipSpecialTokens: false })).toBe('');
  });
});

describe('encodeMarked', () => {
  const MARK = '\ue123';
  const pieces = [
    '<l>',
    '<r>',
    '<N>',
    '<n>',
    '<think>',
    '<l><r>',
    '<s>',
    '</s>',
    ' ',
    '  ',
    'the ',
    'B',
    'é',
    '<',
    '🙂',
    '\n',
  ];
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((parts) => parts.join(''));

  test.each(Object.entries(synthetic))('without marks it is encode: %s', (_, files) => {
    const subject = make(files);
    fc.assert(
      fc.property(text, (value) => {
        // Where a vocabulary finds special tokens in plain text the two may differ; here they are all cut out before.
        expect(subject.encodeMarked(value, MARK)).toEqual(subject.encode(value, { addSpecialTokens: false }));
      }),
      { numRuns: 400, seed: 20261127 },
    );
  });

  test('a marked special token stays text, one without mark does not', () => {
    expect(tokenizer.encodeMarked(`<${MARK}|im_end|><|im_end|>`, MARK)).toEqual([
      ...withoutAdded().encode('<|im_end|>', { addSpecialTokens: false }),
      2,
    ]);
    for (const files of [synthetic.byteFallback, synthetic.metaspace, metaspaceFiles('always')]) {
      const subject = make(files);
      const ids = subject.encodeMarked(`the <${MARK}s>he<s>`, MARK);
      expect(ids.filter((id) => id === 1)).toHaveLength(1);
      expect(ids.at(-1)).toBe(1);
    }
    const metaspace = make(synthetic.metaspace);
    const typed = metaspace.encodeMarked(`the <${MARK}s>he`, MARK);
    expect(metaspace.decode(typed, { skipSpecialTokens: true })).toBe('the <s>he');
    const normalized = make(synthetic.added);
    expect(normalized.encodeMarked(`<${MARK}N>`, MARK)).toEqual(
      ['<', 'n', '>'].map((character) => normalized.tokenToId(character)),
    );
  });

  test('an unknown character is still unknown beside its marked string', () => {
    const metaspace = make(synthetic.metaspace);
    const ids = metaspace.encodeMarked(`<${MARK}unk>é`, MARK);
    expect(ids.at(-1)).toBe(0);
    // Here the vocabulary has not one character of the marked string.
    expect(make(wordPieceFiles()).encodeMarked(`[${MARK}UNK] zebra the`, MARK)).toEqual([0, 0, 0, 0, 3]);
  });

  /** Lexicon's tokenizer without any added token: what text is when nothing in it can be special. */
  function withoutAdded(): Tokenizer {
    const { tokenizerJson, tokenizerConfig } = readLexiconFiles();
    return createTokenizer({ ...(tokenizerJson as object), added_tokens: [] }, tokenizerConfig);
  }
});

describe('a tokenizer object of @huggingface/transformers', () => {
  test('is recognised by its shape and gives the same', () => {
    expect(isTransformersTokenizer(oracle)).toBe(true);
    const adapted = fromTransformersTokenizer(oracle);
    const text = 'naïve <|im_end|> 👩‍👩‍👧';
    const ids = adapted.encode(text, { addSpecialTokens: true });
    expect(ids).toEqual(tokenizer.encode(text, { addSpecialTokens: true }));
    expect(adapted.decode(ids, { skipSpecialTokens: true })).toBe('naïve  👩‍👩‍👧');
    expect(adapted.namedTokens).toEqual(tokenizer.namedTokens);
  });

  test.each([null, 7, {}, { encode: () => [] }, { _tokenizer: {}, _tokenizerJSON: {}, _tokenizerConfig: {} }])(
    'anything else is refused: %j',
    (value) => {
      expect(isTransformersTokenizer(value)).toBe(false);
      expect(() => fromTransformersTokenizer(value)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    },
  );
});

describe('files that are not valid', () => {
  const valid = addedTokenFiles().tokenizerJson as Record<string, unknown>;
  const model = valid.model as Record<string, unknown>;
  const cases: [string, unknown, unknown, RegExp][] = [
    ['no object', [], {}, /tokenizer\.json must hold an object/],
    ['no config', valid, null, /tokenizer_config\.json must hold an object/],
    ['no model', { ...valid, model: 'BPE' }, {}, /"model"/],
    ['no vocabulary', { ...valid, model: { ...model, vocab: null } }, {}, /vocabulary/],
    ['an id that is a string', { ...valid, model: { ...model, vocab: { a: '0' } } }, {}, /"a" an id/],
    ['a negative id', { ...valid, model: { ...model, vocab: { a: -1 } } }, {}, /"a" an id/],
    ['a huge id', { ...valid, model: { ...model, vocab: { a: 4e9 } } }, {}, /"a" an id/],
    ['no merges', { ...valid, model: { ...model, merges: undefined } }, {}, /entry 0 in model\.merges/],
    ['a merge of one', { ...valid, model: { ...model, merges: [['a', 'b'], ['a']] } }, {}, /entry 1 in model\.merges/],
    ['unigram without scores', { ...valid, model: { type: 'Unigram', vocab: [['a', 0], ['b']] } }, {}, /entry 1/],
    ['added tokens no list', { ...valid, added_tokens: {} }, {}, /added_tokens/],
    ['an empty added token', { ...valid, added_tokens: [{ id: 1, content: '' }] }, {}, /entry 0 in added_tokens/],
    ['an added token without id', { ...valid, added_tokens: [{ content: 'x' }] }, {}, /entry 0 in added_tokens/],
    ['an unknown decoder', { ...valid, decoder: { type: 'Rot13' } }, {}, /Rot13/],
    ['an unknown pre-tokenizer', { ...valid, pre_tokenizer: { type: 'Rot13' } }, {}, /Rot13/],
    ['a model of an unknown type', { ...valid, model: { type: 'Rot13', vocab: {} } }, {}, /"Rot13"/],
    ['a vocabulary of another type', { ...valid, model: { ...model, type: 'Unigram' } }, {}, /the form that Unigram/],
    ['a named token that is a number', valid, { bos_token: 1 }, /"bos_token"/],
  ];

  test.each(cases)('%s', (_, json, config, message) => {
    expect(() => createTokenizer(json, config)).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringMatching(message) as string }),
    );
  });

  test('text that is not JSON', () => {
    expect(parseJsonFile('{"a": 1}', 'tokenizer.json')).toEqual({ a: 1 });
    expect(() => parseJsonFile('{"a": ', 'tokenizer.json')).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringMatching(/^tokenizer\.json/) as string }),
    );
  });
});
