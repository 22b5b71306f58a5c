import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteFallbackFiles } from '../../text/fixtures/synthetic.ts';
import { createTokenizer } from '../../text/tokenizer.ts';
import { AnswerText } from './answer-text.ts';

test('an answer that goes on has its spaces and characters, where a text that begins would not', () => {
  const { tokenizerJson, tokenizerConfig } = byteFallbackFiles();
  const tokenizer = createTokenizer(tokenizerJson, tokenizerConfig);
  const texts = fc.array(fc.constantFrom('the', ' the', ' ', 'lost', 'é', '漢', '\n'), { maxLength: 6 });
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
      const begun = encode(`a${before.join('')}`);
      const all = encode(`a${before.join('')}${after.join('')}`);
      // Only where the tokens of what has begun stay the same, as a model goes on from them.
      fc.pre(begun.every((id, index) => all[index] === id));
      const answer = new AnswerText(tokenizer, [], { toolFormat: null, shown: new Set() });
      answer.goOnFrom(begun);
      const pieces = all.slice(begun.length).map((id) => answer.push([id]).text);
      expect(pieces.join('') + answer.finish().text).toBe(after.join(''));
    }),
    // A newline is a byte as those of the characters before it, of which only a part is among the last tokens.
    { numRuns: 300, examples: [[['漢', '漢', '漢', '漢'], ['\n']]] },
  );
});
