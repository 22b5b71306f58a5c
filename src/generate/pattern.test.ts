import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atoms, complement, EVERY, intersection, ofClass, union } from './characters.ts';
import { accepts } from './machine.ts';
import { patternMachine } from './pattern.ts';

// Patterns as machines, against JavaScript's own regular expressions.

const atom = fc.constantFrom(
  'a',
  'b',
  'c',
  '.',
  '\\d',
  '\\W',
  '[ab]',
  '[^a]',
  '[a-c\\s]',
  '\\n',
  '✓',
  '\\u{1F600}',
  '\\x61',
);
const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    atom,
    fc.constantFrom('^', '$', '(?=a)', '(?!b)', '(?=.*c$)', '(?![ab]{2})'),
    fc
      .tuple(tie('pattern'), fc.constantFrom('', '*', '+', '?', '{2}', '{1,}', '{1,3}', '*?', '{0}'))
      .map(([inner, count]) => `(?:${inner})${count}`),
  ),
  pattern: fc.oneof(
    fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
    fc.array(tie('part'), { minLength: 2, maxLength: 3 }).map((options) => options.join('|')),
  ),
}));
const text = fc.array(fc.constantFrom('a', 'b', 'c', '1', ' ', '\n', '✓', '😀', 'é'), { maxLength: 6 });

describe('a pattern', () => {
  test('has the texts that JavaScript finds it in', () => {
    let compared = 0;
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 20, maxLength: 20 }), (source, characters) => {
        let has: (one: string) => boolean;
        try {
          const machine = patternMachine(source, '#');
          has = (one) => accepts(machine, one);
        } catch (error) {
          // Refused in a sentence: what is repeated behind an assertion, and what becomes too large.
          if (/lookahead|more states/.test((error as Error).message)) return;
          expect((error as Error).message).toMatch(/matches no text/);
          has = () => false;
        }
        const expression = new RegExp(source, 'u');
        for (const one of characters.map((list) => list.join(''))) {
          expect(has(one), `${source} in ${JSON.stringify(one)}`).toBe(expression.test(one));
          compared++;
        }
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(4000);
  });

  test.each([
    ['^a-?\\d+(?:\\.\\d+)?(x|y)$', ['a1x', 'a-1.5y'], ['a', 'ax', 'a1.x', 'a1xy']],
    ['^(?=.*\\d)(?=.*[a-z])(?!.*x)[a-z\\d]{4,6}$', ['a234', '123b45'], ['1234', 'abcd', 'ax12', 'a23']],
    ['^$|^(?:ab)*=$', ['', '=', 'abab='], ['ab', 'a=']],
    ['(?<year>\\d{4})-\\u{1F600}', ['x2024-😀y'], ['2024-']],
    ['^\\p{Lu}\\P{L}[\\p{N}_-]$', ['Ä!٣', 'A1-'], ['ä!1', 'AB1']],
    ['^[\\]\\-a\\b\\cA\\0]+$', [']-a\b\x01\0'], ['b']],
    ['^\\_\\-\\@[a-\\d]$', ['_-@-', '_-@7'], ['_-@b']],
    ['^\\ud83d\\ude00.$', ['😀😀'], ['😀']],
    ['^[^]{2}$', ['\n\n'], ['a']],
    ['^(?:.{1,253}\\.?)$', ['a', 'a.'], ['']],
  ])('%s', (source, matching, others) => {
    const machine = patternMachine(source, '#');
    for (const one of matching) expect(accepts(machine, one), one).toBe(true);
    for (const one of others) expect(accepts(machine, one), one).toBe(false);
  });

  test.each([
    ['(', /is no regular expression/],
    ['(a)\\1', /has a reference to a group, which cannot be kept to/],
    ['(?<x>a)\\k<x>', /reference to a group/],
    ['(?<=a)b', /has a lookbehind/],
    ['(?<!a)b', /has a lookbehind/],
    ['\\bword\\b', /has a word boundary/],
    ['(?:(?!a).)*', /has a lookahead that is repeated/],
    ['(?=^a)b', /has a lookahead with "\^" in it or behind it/],
    ['a^', /matches no text/],
    ['[ab]*a[ab]{30}', /takes more states than can be kept/],
    ['(?:a{1000}){1000}', /takes more states than can be kept/],
  ])('%s is refused in a sentence', (source, reason) => {
    const begun = performance.now();
    expect(() => patternMachine(source, '#/a')).toThrow(
      expect.objectContaining({ code: 'setting_invalid', message: expect.stringMatching(reason) as string }),
    );
    expect(performance.now() - begun).toBeLessThan(30_000);
  });
});

describe('sets of characters', () => {
  test('are those of JavaScript', () => {
    for (const source of ['\\s', '\\p{L}', '\\P{Emoji}', '\\w']) {
      const set = ofClass(source);
      const expression = new RegExp(source, 'u');
      for (let code = 0; code < 0x3000; code++) {
        expect(set.some(([low, high]) => low <= code && code <= high)).toBe(
          expression.test(String.fromCodePoint(code)),
        );
      }
    }
  });

  test('are made of sets that have nothing in common', () => {
    const ranges = fc
      .uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 8 })
      .map((codes) => union(...codes.map((code): [number, number][] => [[code, code + 2]])));
    fc.assert(
      fc.property(fc.array(ranges, { maxLength: 4 }), (sets) => {
        const { classes, members } = atoms(sets);
        for (const [i, one] of classes.entries()) {
          for (const other of classes.slice(i + 1)) expect(intersection(one, other)).toEqual([]);
        }
        for (const [i, set] of sets.entries()) expect(union(...members[i]!.map((id) => classes[id]!))).toEqual(set);
        const all = union(...sets);
        expect(union(all, complement(all))).toEqual(EVERY);
        expect(intersection(all, complement(all))).toEqual([]);
      }),
    );
  });
});
