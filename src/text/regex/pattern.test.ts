import { describe, expect, test } from 'vitest';

import { finish } from '../pipeline/work.ts';
import { literalPattern, regexPattern } from './pattern.ts';

/** The matches of a pattern in a text, empty ones included. */
function matches(source: string, text: string): string[] {
  const places = finish(regexPattern(source)(text));
  return Array.from({ length: places.length / 2 }, (_, i) => text.slice(places[2 * i], places[2 * i + 1]));
}

describe('as Oniguruma, where JavaScript differs', () => {
  // Each value is what the Rust library found.
  const cases: [source: string, text: string, found: string[]][] = [
    [String.raw`\h+`, '12fgx', ['12f']],
    [String.raw`\A\s|\p{L}+\z`, ' ab cd', [' ', 'cd']],
    [String.raw`\d{1,3}+`, '12345x', ['12345']],
    ['a{2}?', 'aaaab', ['aa', 'aa', '']],
    ['a{,2}', 'aaaaa', ['aa', 'aa', 'a']],
    ['a(?i)b|c', 'aB C ac aC', ['aB', 'ac', 'aC']],
    ["(?i)'s|'t", "'S 'ſ 'T", ["'S", "'ſ", "'T"]],
    ['(?i:k)', 'K\u212A', ['K', '\u212A']],
    [String.raw`(?i)\p{Lu}`, 'aA', ['A']],
    [String.raw`(?i)[\p{Lu}]`, 'aA', ['a', 'A']],
    [String.raw`(?i)[\p{L}&&[^a]]+`, 'baC1', ['baC']],
    ['[a-z&&[^aeiou]]+', 'hello', ['h', 'll']],
    ['[]a]+', ']a', [']a']],
    ['[[:punct:]]+', 'a$+<b!…', ['$+<', '!…']],
    [String.raw`\p{Punct}+`, 'a$+<b!…', ['!…']],
    [String.raw`\w+`, '²éⅧ½①', ['²éⅧ½']],
    [String.raw`[\w]+`, ' ²é', ['é']],
    [String.raw`\s+`, 'a\u0085b\u00A0c\uFEFFd', ['\u0085', '\u00A0']],
    ['.+', 'a\nb', ['a', 'b']],
    ['(?m:a.b)', 'a\nb', ['a\nb']],
    ['^a', 'a\na', ['a', 'a']],
    ['$', 'ab\n', ['', '']],
    [String.raw`\s++$|\s*[\r\n]|\s+(?!\S)|\s`, '\n\n x', ['\n\n', ' ']],
    ['(?>a+)ab', 'aaab', []],
    ['a++b', 'aaab', ['aaab']],
    ['(?:|a)*', 'aab', ['', '', '', '']],
    [String.raw`(?:\S?|\s)*`, '1b\n', ['1b', '']],
    ['(?<=a|bc)d', 'ad bcd d', ['d', 'd']],
    ['(?<=a+)d', 'aad', ['d']],
    [String.raw`\R`, 'a\r\nb\nc', ['\r\n', '\n']],
    ['x*', 'abxxc', ['', '', 'xx', '']],
    [String.raw`(?x) a b # c`, 'ab', ['ab']],
    ['a{', 'a{b', ['a{']],
    ['🙂+|.', '🙂🙂a', ['🙂🙂', 'a']],
  ];

  test.each(cases)('%j in %j', (source, text, found) => {
    expect(matches(source, text)).toEqual(found);
  });

  test('a string is no expression', () => {
    expect(finish(literalPattern('.')('a.b..'))).toEqual([1, 2, 3, 4, 4, 5]);
    expect(finish(literalPattern('')('ab'))).toEqual([]);
  });
});

describe('patterns that run away elsewhere', () => {
  test.each([
    [String.raw`(\p{L}+\s?)+!`, 'a'.repeat(20_000)],
    ['^(a+)+$', `${'a'.repeat(20_000)}b`],
    ['(a|a)*b', 'a'.repeat(20_000)],
    ['(?:(?:a{1,3})+)+!', 'a'.repeat(20_000)],
    [String.raw`(.*?,){20}x`, '1,'.repeat(5000)],
  ])('%s ends, without a match', (source, text) => {
    expect(matches(source, text)).toEqual([]);
  });

  test.each([
    [String.raw`\s+$|\s`, ' ', 'x'],
    [String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`, ' ', ''],
    ['a*b|a', 'a', ''],
  ])('%s takes time that grows with the length only', (source, unit, end) => {
    const length = 200_000;
    expect(matches(source, unit.repeat(length) + end).join('')).toBe(unit.repeat(length));
  });

  test('what cannot be bounded ends with a sentence', () => {
    const text = `${'ab'.repeat(20_000)}z`;
    expect(() => matches('(?=(?:a|b)*z)c', text)).toThrow(
      expect.objectContaining({
        code: 'unsupported_model',
        message: expect.stringMatching(/takes too long/) as string,
      }),
    );
  });
});

describe('what is refused', () => {
  test.each([
    ['a)', 'config_invalid'],
    ['(a', 'config_invalid'],
    ['[a', 'config_invalid'],
    ['*a', 'config_invalid'],
    ['[b-a]', 'config_invalid'],
    ['^*', 'config_invalid'],
    [String.raw`(a)\1`, 'unsupported_model'],
    [String.raw`\X`, 'unsupported_model'],
    [String.raw`\p{Nonsense}`, 'unsupported_model'],
    ['(?~a)', 'unsupported_model'],
    ['(?(1)a)', 'unsupported_model'],
    ['(?:(?:ab){1000}){1000}', 'unsupported_model'],
    ['('.repeat(5000), 'unsupported_model'],
    ['['.repeat(5000), 'unsupported_model'],
  ])('%s', (source, code) => {
    expect(() => regexPattern(source)).toThrow(expect.objectContaining({ code }));
  });
});

test('patterns of published tokenizers are taken', () => {
  const published = [
    // cl100k
    String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`,
    // o200k
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    // Llama 3, Qwen 2 and Qwen 3.5
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    // DeepSeek
    String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    '[一-龥぀-ゟ゠-ヿ]+',
    // Falcon
    '[0-9][0-9][0-9]',
    // Mistral Tekken and Nemotron
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    // Bloom
    String.raw` ?[^(\s|[.,!?…。，、।۔،])]+`,
  ];
  for (const source of published)
    expect(matches(source, "It's 12345 words, über 你好!\n\n  Ok").length).toBeGreaterThan(0);
});
