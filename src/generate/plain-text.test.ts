import { describe, expect, test } from 'vitest';
import { bothSpeakers, speak } from '../testing/models/speaker.ts';
import { patternGrammar } from './plain-text.ts';

// Texts that a pattern matches from end to end, drawn at random under its grammar.

const PATTERNS = [
  '\\d{1,3}',
  'yes|no',
  '^a.?$|b',
  '(?=.*\\d)[a-z\\d]{2,5}',
  '[^x]{2}',
  '(?:ä|x)+€?',
  '\\p{Lu}\\p{Ll}{0,3}',
  '"quoted"\\n',
  'a?',
];

describe.each(bothSpeakers().map((speaker, index) => ({ speaker, tokens: ['bytes', 'words'][index] })))(
  'in tokens that are $tokens',
  ({ speaker }) => {
    test.each(PATTERNS)('%s matches all of each text', (pattern) => {
      const whole = new RegExp(`^(?:${pattern})$`, 'u');
      const grammar = patternGrammar(pattern);
      for (let seed = 1; seed <= 20; seed++) {
        const text = speak(speaker, grammar, seed);
        expect(whole.test(text), JSON.stringify(text)).toBe(true);
      }
    });
  },
);

test.each([
  ['(', /^The pattern cannot be used: "\(" is no regular expression\.$/],
  ['(a)\\1', /a reference to a group, which cannot be kept to/],
  ['a^b', /matches no text/],
])('%s is refused in a sentence', (pattern, message) => {
  expect(() => patternGrammar(pattern)).toThrow(message);
});
