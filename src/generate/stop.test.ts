import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createDetokenizer } from '../text/detokenize.ts';
import { addedTokenFiles } from '../text/fixtures/synthetic.ts';
import { createTokenizer } from '../text/tokenizer.ts';
import { countIdsWithin, StopMatcher } from './stop.ts';

/** By the definition: the first place where a stop string is complete, and the longest one that ends there. */
function textBeforeStop(text: string, stops: readonly string[]): string | null {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (ending.length > 0) return text.slice(0, end - Math.max(...ending.map((stop) => stop.length)));
  }
  return null;
}

// Few letters, so that stop strings begin, fail, overlap and hold each other often.
const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '🙂'), maxLength: 30 });
const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n', '🙂'), minLength: 1, maxLength: 5 }), {
  maxLength: 4,
});

/** The text in pieces, some empty. */
const pieces = (text: string, cuts: number[]) => {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length];
  return places.slice(1).map((end, i) => text.slice(places[i], end));
};

describe('StopMatcher', () => {
  test('gives what a search through the whole text gives, however it is cut', () => {
    fc.assert(
      fc.property(letters, stops, fc.array(fc.nat(), { maxLength: 12 }), (text, strings, cuts) => {
        const matcher = new StopMatcher(strings);
        let out = '';
        for (const piece of pieces(text, cuts)) {
          const step = matcher.push(piece);
          out += step.text;
          expect(step.stopped).toBe(matcher.stopped);
          expect(matcher.emittedLength).toBe(out.length);
        }
        out += matcher.flush();
        const expected = textBeforeStop(text, strings);
        expect(matcher.stopped).toBe(expected !== null);
        expect(out).toBe(expected ?? text);
        expect(matcher.emittedLength).toBe(out.length);
        expect(matcher.receivedLength).toBe(text.length);
      }),
      { numRuns: 5000, seed: 20261211 },
    );
  });

  test('holds back no more than the longest suffix that could begin a stop string', () => {
    fc.assert(
      fc.property(letters, stops, (text, strings) => {
        fc.pre(textBeforeStop(text, strings) === null);
        const matcher = new StopMatcher(strings);
        let out = '';
        for (let i = 0; i < text.length; i++) {
          out += matcher.push(text[i]!).text;
          const seen = text.slice(0, i + 1);
          const held = seen.slice(out.length);
          expect(held === '' || strings.some((stop) => stop.startsWith(held) && stop !== held)).toBe(true);
          for (let start = 0; start < out.length; start++) {
            expect(strings.some((stop) => stop.startsWith(seen.slice(start)))).toBe(false);
          }
        }
      }),
      { numRuns: 500, seed: 20261212 },
    );
  });

  test('a match over three pieces', () => {
    const matcher = new StopMatcher(['\nUser:']);
    expect(matcher.push('Yes.\n')).toEqual({ text: 'Yes.', stopped: false });
    expect(matcher.push('Us')).toEqual({ text: '', stopped: false });
    expect(matcher.push('er: And')).toEqual({ text: '', stopped: true });
    expect(matcher.push('more')).toEqual({ text: '', stopped: true });
    expect(matcher.flush()).toBe('');
    expect(matcher.emittedLength).toBe(4);
  });

  test('a beginning that fails is handed out, with the next beginning held', () => {
    const matcher = new StopMatcher(['aab']);
    expect(matcher.push('aa').text).toBe('');
    expect(matcher.push('a').text).toBe('a');
    expect(matcher.push('c').text).toBe('aac');
  });

  test('without stop strings everything goes through', () => {
    const matcher = new StopMatcher([]);
    expect(matcher.push('abc')).toEqual({ text: 'abc', stopped: false });
    expect(matcher.flush()).toBe('');
  });

  test.each([[['']], [['ok', '']], [['x'.repeat(1025)]], [Array.from({ length: 65 }, String)], [[7 as never]]])(
    'refuses %j',
    (strings) => {
      expect(() => new StopMatcher(strings)).toThrow(expect.objectContaining({ code: 'setting_invalid' }));
    },
  );
});

test('countIdsWithin keeps the ids that end in the text', () => {
  expect(countIdsWithin([], 0)).toBe(0);
  expect(countIdsWithin([2, 2, 5, 9], 5)).toBe(3);
  expect(countIdsWithin([2, 2, 5, 9], 4)).toBe(2);
  expect(countIdsWithin([2, 2, 5, 9], 0)).toBe(0);
  expect(countIdsWithin([2, 2, 5, 9], 9)).toBe(4);
  // Half a character ends one beyond the text so far: cut there, its id goes too.
  expect(countIdsWithin([4, 5, 6], 4)).toBe(1);
});

test('a stop string cuts the ids where it cuts the text', () => {
  const files = addedTokenFiles();
  const tokenizer = createTokenizer(files.tokenizerJson, files.tokenizerConfig);
  const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
  // Bytes, one of them a token of its own each, with added tokens of several characters among them.
  const id = fc.constantFrom(...Buffer.from('ab🙂é'), 257, 259);
  const strings = fc.array(fc.constantFrom('ab', 'b', '<th', 'nk>', '🙂', 'é', '\ufffd', 'a<think'), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.array(id, { maxLength: 20 }), strings, (ids, stopStrings) => {
      const detokenizer = createDetokenizer(tokenizer);
      const matcher = new StopMatcher(stopStrings);
      const ends: number[] = [];
      let out = '';
      for (const next of ids) {
        out += matcher.push(detokenizer.push([next])).text;
        ends.push(detokenizer.end);
        if (matcher.stopped) break;
      }
      if (!matcher.stopped) out += matcher.push(detokenizer.flush()).text + matcher.flush();
      expect(ends).toEqual(ends.toSorted((a, b) => a - b));
      const kept = countIdsWithin(ends, out.length);
      expect(out.startsWith(decode(ids.slice(0, kept)))).toBe(true);
      if (kept < ends.length) expect(out.startsWith(decode(ids.slice(0, kept + 1)))).toBe(false);
    }),
    { numRuns: 3000, seed: 20261213 },
  );
});
