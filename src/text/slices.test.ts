import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ChatTemplate } from './chat-template.ts';
import { arbitraryText } from './fixtures/arbitrary-text.ts';
import { readLexiconFiles } from './fixtures/lexicon.ts';
import { byteFallbackFiles, metaspaceFiles, wordPieceFiles } from './fixtures/synthetic.ts';
import { createTokenizer } from './tokenizer.ts';

const all = Object.entries({
  'byte level': readLexiconFiles(),
  'byte fallback': byteFallbackFiles(),
  metaspace: metaspaceFiles(),
  WordPiece: wordPieceFiles(),
}).map(([name, files]) => [name, createTokenizer(files.tokenizerJson, files.tokenizerConfig)] as const);
const lexicon = all[0]![1];

describe.each(all)('%s', (_, tokenizer) => {
  test('in slices as at once', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryText, fc.boolean(), async (text, addSpecialTokens) => {
        const ids = await tokenizer.encodeInSlices(text, { addSpecialTokens });
        expect(ids).toEqual(tokenizer.encode(text, { addSpecialTokens }));
        expect(await tokenizer.encodeMarkedInSlices(text, '\ue123', {})).toEqual(
          tokenizer.encodeMarked(text, '\ue123'),
        );
      }),
      { numRuns: 150, seed: 20261130 },
    );
  });
});

test('pieces of a long text in a row are the whole', () => {
  // Words are known where spaces part them, and a word never reaches beyond a line's end.
  const pieces = fc.sample(arbitraryText, { numRuns: 300, seed: 20261205 }).map((text) => text.replaceAll(/\s+/g, ''));
  const lines = pieces.filter((text) => text !== '').map((text) => `the ${text}\n`);
  const whole = lexicon.encode(lines.join(''), { addSpecialTokens: false });
  expect(whole).toEqual(lines.flatMap((line) => lexicon.encode(line, { addSpecialTokens: false })));
});

describe('a text of 400,000 characters', () => {
  const long = [
    ['words', 'What is an apple? '.repeat(22_000)],
    ['one word', 'a'.repeat(400_000)],
    ['characters without spaces', '日本語のテキスト'.repeat(50_000)],
  ] as const;

  test.each(long)('the thread hears of messages meanwhile: %s', async (_, text) => {
    let turns = 0;
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      turns++;
      port2.postMessage(null);
    });
    port1.start();
    port2.postMessage(null);
    const ids = await lexicon.encodeInSlices(text, { addSpecialTokens: false });
    port1.close();
    expect(turns).toBeGreaterThan(1);
    expect(lexicon.decode(ids, { skipSpecialTokens: false })).toBe(text);
  });

  test('an abort ends it', async () => {
    const abort = new AbortController();
    const [, [, text]] = long;
    const encoding = lexicon.encodeInSlices(text, { addSpecialTokens: false, signal: abort.signal });
    // As a message would: it comes while the text is being encoded.
    setTimeout(() => abort.abort(), 0);
    await expect(encoding).rejects.toMatchObject({ code: 'aborted' });

    const chat = new ChatTemplate('{{ messages[0].content }}', lexicon);
    const messages = [{ role: 'user', content: text }];
    await expect(chat.encodeInSlices(messages, { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    await expect(chat.encodeInSlices([{ role: 'user', content: 'a' }])).resolves.toEqual(
      chat.encode([{ role: 'user', content: 'a' }]),
    );
  });
});
