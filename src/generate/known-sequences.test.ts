import { describe, expect, it } from 'vitest';
import { KnownSequences } from './known-sequences.ts';

const range = (length: number, first = 1) => Array.from({ length }, (_, index) => first + index);

describe('known sequences', () => {
  it('tell how much of a prompt was read once, and whether it went on otherwise', () => {
    const known = new KnownSequences();
    expect(known.of([1])).toBeNull();
    known.remember([1, 2, 3]);
    known.remember([1, 2, 3, 4]);
    expect(known.of([1, 2, 9])).toEqual({ common: 2, left: true, edited: false, gone: [] });
    expect(known.of([1, 2, 3, 4, 5])).toEqual({ common: 4, left: false, edited: false, gone: [] });
    expect(known.of([7])).toBeNull();
  });

  it('tell an edited prompt from an answer that was cut off', () => {
    const known = new KnownSequences();
    known.rememberPrompt([1, 2, 3], null);
    known.remember([1, 2, 3, 4, 5]);
    expect(known.of([1, 2, 9])).toMatchObject({ left: true, edited: true });
    expect(known.of([1, 2, 3, 4, 9])).toMatchObject({ left: true, edited: false });
    known.remember([1, 2, 8]);
    expect(known.of([1, 7])).toMatchObject({ common: 1, edited: true });
    expect(known.of([1, 2, 7])).toMatchObject({ common: 2, edited: false });
    // The beginning of what is known is no other text.
    expect(known.of([1, 2])).toMatchObject({ common: 2, left: false, edited: false });
  });

  it('count as several where they went apart', () => {
    const known = new KnownSequences();
    for (const ids of [
      [1, 2],
      [1, 2, 3],
      [1, 2, 4],
      [1, 2],
    ])
      known.remember(ids);
    expect(known.through([1, 2])).toBe(2);
    expect(known.through([1, 2, 3])).toBe(1);
  });

  it('know which states have gone, in branches as well', () => {
    const known = new KnownSequences();
    known.remember([1, 2, 3, 4]);
    known.lose([1, 2]);
    known.lose([1, 2, 3]);
    known.remember([1, 2, 5]);
    expect(known.of([1, 2, 3])).toEqual({ common: 3, left: false, edited: false, gone: [2, 3] });
    expect(known.of([1, 2, 5, 6])).toEqual({ common: 3, left: false, edited: false, gone: [2] });
    known.regain([1, 2]);
    expect(known.of([1, 2, 5])!.gone).toEqual([]);
    expect(known.of([1, 2, 3])!.gone).toEqual([3]);
  });

  it('are found by their messages, while they are remembered', () => {
    const known = new KnownSequences();
    known.rememberPrompt([1, 2, 3], 11);
    known.rememberPrompt([1, 2, 3, 4, 5], 12);
    expect(known.ofTurns([11, 99], [1, 2, 3, 9])).toEqual({ rewritten: false, foreign: false });
    expect(known.ofTurns([11, 99], [1, 2, 9])).toEqual({ rewritten: true, foreign: false });
    // The longest beginning counts, and any way that it was written.
    expect(known.ofTurns([11, 12, 99], [1, 2, 3, 9])).toMatchObject({ rewritten: true });
    known.rememberPrompt([1, 2, 3, 9], 12);
    expect(known.ofTurns([11, 12, 99], [1, 2, 3, 9])).toMatchObject({ rewritten: false });
    expect(known.ofTurns([11, 12, 99], [1, 2, 3, 4, 5, 6])).toMatchObject({ rewritten: false });
    known.markForeign(99);
    expect(known.ofTurns([98, 99], [1])).toEqual({ rewritten: false, foreign: true });
    expect(known.ofTurns([11, 99], [1, 2, 3])).toEqual({ rewritten: false, foreign: false });
    for (let other = 0; other < 32; other++) known.remember([100 + other]);
    expect(known.ofTurns([11], [1, 7])).toEqual({ rewritten: false, foreign: false });
  });

  it('are forgotten when there are too many, or too many tokens, those that were read longest ago first', () => {
    const known = new KnownSequences();
    for (let chat = 0; chat < 40; chat++) known.remember([chat, 1]);
    expect(known.of([7, 1])).toBeNull();
    expect(known.of([8, 1])).toMatchObject({ common: 2 });
    known.remember(range(2 ** 18 - 4, 1000));
    expect(known.of([38, 1])).toMatchObject({ common: 2 });
    expect(known.of([37, 1])).toBeNull();
    // One that alone has too many is kept.
    known.remember(range(2 ** 18 + 1, 2000));
    expect(known.of([2000])).toMatchObject({ common: 1 });
    expect(known.of([39, 1])).toBeNull();
  });
});
