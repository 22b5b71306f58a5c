import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { chunksOf } from '../model/chunks.ts';
import { type Cut, cutsOf, NEAR_TOKENS, type Reading } from './cuts.ts';

const BLANK: Reading = { from: 0, total: 0, chunk: 256, opening: null, start: null, end: null, junction: null };
const cuts = (reading: Partial<Reading>) => cutsOf({ ...BLANK, ...reading }).map(({ at, kind }) => `${kind} ${at}`);

/** Passes that a prompt is read in. */
function passes(reading: Reading, at: readonly Cut[]): number {
  return chunksOf(
    reading.total - reading.from,
    reading.chunk,
    at.map((cut) => cut.at - reading.from),
  ).length;
}

describe('a prompt is cut', () => {
  it('before the header alone in an ordinary next turn, which costs a pass', () => {
    const reading = { ...BLANK, from: 500, start: 502, end: 540, total: 544 };
    expect(cuts(reading)).toEqual(['prompt 540']);
    expect(passes(reading, cutsOf(reading))).toBe(2);
  });

  it('behind a system prompt, and before the header', () => {
    expect(cuts({ opening: 120, end: 140, total: 144 })).toEqual(['opening 120', 'prompt 140']);
    // One of a few tokens is read again at no cost.
    expect(cuts({ opening: NEAR_TOKENS, end: 140, total: 144 })).toEqual(['prompt 140']);
  });

  it('where it leaves what was known, unless a state is kept closely before', () => {
    expect(cuts({ from: 10, junction: 90, total: 200 })).toEqual(['junction 90']);
    expect(cuts({ from: 60, junction: 90, total: 200 })).toEqual([]);
    expect(cuts({ opening: 80, junction: 90, total: 200 })).toEqual(['opening 80']);
    // A state behind the junction is no help to a prompt that leaves there.
    expect(cuts({ opening: 95, junction: 90, total: 200 })).toEqual(['junction 90', 'opening 95']);
  });

  it('nowhere where it is read already', () => {
    expect(cuts({ from: 140, opening: 100, start: 120, end: 140, total: 144 })).toEqual([]);
    expect(cuts({ from: 144, opening: 100, end: 140, total: 144, junction: 144 })).toEqual([]);
  });

  it('at growing distances where it is long', () => {
    expect(cuts({ total: 9000 })).toEqual(['rung 512', 'rung 1024', 'rung 2048', 'rung 4096', 'rung 8192']);
    expect(cuts({ from: 3000, total: 9000 })).toEqual(['rung 4280', 'rung 8376']);
    expect(cuts({ total: 600 })).toEqual([]);
  });
});

const place = fc.option(fc.nat({ max: 40_000 }));
const reading = fc
  .record({
    total: fc.integer({ min: 1, max: 40_000 }),
    from: fc.nat({ max: 40_000 }),
    chunk: fc.constantFrom(16, 128, 256, 512),
    opening: place,
    start: place,
    end: place,
    junction: place,
  })
  .map((one) => ({ ...one, from: Math.min(one.from, one.total) }));

test('any prompt is cut inside of it, in order, for four passes more at most, and never far from a place to go back to', () => {
  fc.assert(
    fc.property(reading, (one) => {
      const found = cutsOf(one);
      const at = found.map((cut) => cut.at);
      expect(at).toEqual([...new Set(at)].toSorted((a, b) => a - b));
      expect(at.every((cut) => cut > one.from && cut < one.total)).toBe(true);
      expect(passes(one, found) - passes(one, [])).toBeLessThanOrEqual(4);
      if (one.end !== null && one.end > one.from && one.end < one.total) {
        expect(found).toContainEqual({ at: one.end, kind: 'prompt' });
      }
      // A rung costs no pass.
      const others = found.filter(({ kind }) => kind !== 'rung');
      expect(passes(one, found)).toBe(passes(one, others));
      // A prompt that leaves at a place reads half of it again, and two passes, at most.
      for (const left of [...at.map((cut) => cut - 1), one.total]) {
        const nearest = Math.max(one.from, ...at.filter((cut) => cut <= left));
        expect(left - nearest).toBeLessThanOrEqual(Math.max(left / 2, 0) + 2 * one.chunk);
      }
    }),
    { numRuns: 1000, seed: 20261130 },
  );
});
