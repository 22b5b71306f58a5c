import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MATCH_TOKENS, NgramIndex } from './ngram-index.ts';

/** Behind the latest place that has the last tokens, found by looking everywhere. */
function matchOf(tokens: readonly number[]): number | null {
  const last = JSON.stringify(tokens.slice(-MATCH_TOKENS));
  for (let end = tokens.length - 1; end >= MATCH_TOKENS; end--) {
    if (JSON.stringify(tokens.slice(end - MATCH_TOKENS, end)) === last) return end;
  }
  return null;
}

describe('an index of n-grams', () => {
  it('finds the latest place that has the last tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1), { maxLength: 60 }), fc.nat(60), (tokens, first) => {
        const index = new NgramIndex(tokens.slice(0, first));
        for (const [at, token] of tokens.slice(first).entries()) {
          index.push([token]);
          const known = tokens.slice(0, first + at + 1);
          const match = matchOf(known);
          expect(index.hasMatch).toBe(match !== null);
          const draft = index.draft(5);
          if (match === null) expect(draft).toEqual([]);
          // A text that repeats itself goes on with its own continuation.
          else expect(draft).toEqual([...known, ...draft].slice(match, match + 5));
        }
      }),
    );
  });

  it('says the continuation of a repeated text', () => {
    const text = Array.from({ length: 40 }, (_, index) => 100 + index);
    const index = new NgramIndex([...text, 1, 2, 3]);
    index.push(text.slice(10, 17));
    expect(index.hasMatch).toBe(false);
    index.push(text.slice(17, 18));
    expect(index.draft(4)).toEqual([118, 119, 120, 121]);
    index.push([5]);
    expect([index.hasMatch, index.length]).toEqual([false, 52]);
  });

  it('draws out what repeats itself', () => {
    const index = new NgramIndex(Array.from({ length: 12 }, (_, at) => at % 3));
    expect(index.draft(7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it('tells tokens apart that have one hash', () => {
    // Multiples of 2^32 are zero in the hash.
    const grams = [0, 1].map((high) => Array.from({ length: MATCH_TOKENS }, (_, at) => at + high * 2 ** 32));
    const index = new NgramIndex([...grams[0]!, 7, ...grams[1]!]);
    expect(index.hasMatch).toBe(false);
  });
});
