import { describe, expect, it } from 'vitest';
import { expectClose } from '../testing/close.ts';
import { argmax, keptTokens, pcg, probabilities, processLogits, randomWord, sample, weights } from './sample.ts';

const NEUTRAL = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map<number, number>() };
const ALL = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 0 };
const tokens = (mask: boolean[]) => mask.flatMap((kept, token) => (kept ? [token] : []));

describe('processLogits', () => {
  // Token 0 unseen, 1 in the prompt, 2 twice in the answer, 3 in the prompt and once in the answer.
  const counts = Uint32Array.of(0, 0x80000000, 2, 0x80000001);

  it('divides positive and multiplies negative logits of seen tokens', () => {
    const settings = { ...NEUTRAL, repetitionPenalty: 2 };
    expect([...processLogits([4, 4, -4, 4], counts, settings)]).toEqual([4, 2, -8, 2]);
  });

  it('takes presence and frequency from the answer alone, after repetition', () => {
    const settings = { ...NEUTRAL, repetitionPenalty: 2, presencePenalty: 0.5, frequencyPenalty: 0.25 };
    expect([...processLogits([4, 4, 4, 4], counts, settings)]).toEqual([4, 2, 1, 1.25]);
  });

  it('adds the bias, also to unseen tokens', () => {
    const settings = {
      ...NEUTRAL,
      logitBias: new Map([
        [0, -100],
        [2, 3],
      ]),
    };
    expect([...processLogits([4, 4, 4, NaN], counts, settings)]).toEqual([-96, 4, 7, NaN]);
  });

  it('keeps infinities, and bounds what it changes', () => {
    const settings = { ...NEUTRAL, repetitionPenalty: 2 };
    expect([...processLogits([3e38, 3e38, -3e38, -Infinity], counts, settings)]).toEqual([
      3e38,
      5e29,
      -2e30,
      -Infinity,
    ]);
  });
});

describe('argmax', () => {
  it('is the first of the largest, never NaN', () => {
    expect(argmax([1, 3, 3, 2])).toBe(1);
    expect(argmax([NaN, -5, NaN])).toBe(1);
    expect(argmax([-0, 0])).toBe(0);
    expect(argmax([NaN, -Infinity])).toBe(-1);
  });
});

// Probabilities 0.1, 0.4, 0.3, 0.2.
const FOUR = [1, 4, 3, 2].map(Math.log);

describe('keptTokens', () => {
  it.each([
    [{}, [0, 1, 2, 3]],
    [{ topK: 2 }, [1, 2]],
    [{ topK: 9 }, [0, 1, 2, 3]],
    [{ topP: 0.39 }, [1]],
    [{ topP: 0.41 }, [1, 2]],
    [{ topP: 0.69 }, [1, 2]],
    [{ topP: 0.71 }, [1, 2, 3]],
    [{ topP: 1e-9 }, [1]],
    [{ topK: 2, topP: 0.56 }, [1]], // 4/7 of what top-k left
    [{ topK: 2, topP: 0.58 }, [1, 2]],
    [{ minP: 0.6 }, [1, 2]],
    [{ minP: 1 }, [1]],
    [{ minP: 0.2, temperature: 2 }, [0, 1, 2, 3]], // (1/4)^(1/2) = 0.5
    [{ minP: 0.55, temperature: 2 }, [1, 2, 3]],
  ])('%j', (settings, expected) => {
    expect(tokens(keptTokens(FOUR, { ...ALL, ...settings }))).toEqual(expected);
  });

  it('keeps ties at the k-th, and the lowest of equals in top-p', () => {
    expect(tokens(keptTokens([1, 2, 1, 0], { ...ALL, topK: 2 }))).toEqual([0, 1, 2]);
    expect(tokens(keptTokens([5, 5, 5, 5, 5], { ...ALL, topP: 0.5 }))).toEqual([0, 1, 2]);
  });

  it('never keeps NaN and -infinity', () => {
    expect(tokens(keptTokens([NaN, 1, -Infinity, -3e38], ALL))).toEqual([1, 3]);
  });
});

describe('probabilities', () => {
  it('are the softmax of what is kept', () => {
    expectClose(probabilities(FOUR, ALL), [0.1, 0.4, 0.3, 0.2], { rel: 1e-14 });
    expectClose(probabilities(FOUR, { ...ALL, topK: 2 }), [0, 4 / 7, 3 / 7, 0], { rel: 1e-14 });
    expectClose(weights([3, 1], 2), [1, Math.exp(-1)], { rel: 1e-14 });
  });
});

describe('randomWord', () => {
  // The same in arbitrary precision, written from the paper's definition.
  const exact = (word: bigint): bigint => {
    const mask = 0xffffffffn;
    const state = (word * 747796405n + 2891336453n) & mask;
    const mixed = (((state >> ((state >> 28n) + 4n)) ^ state) * 277803737n) & mask;
    return (mixed >> 22n) ^ mixed;
  };

  it('is the generator, bit by bit', () => {
    for (const word of [0, 1, 2, 77, 0x7fffffff, 0x80000000, 0xdeadbeef, 0xffffffff]) {
      expect(BigInt(pcg(word))).toBe(exact(BigInt(word)));
      expect(BigInt(randomWord(word, 5))).toBe(exact((BigInt(word) + exact(5n)) & 0xffffffffn));
    }
  });

  it('is even over places and over seeds', () => {
    for (const word of [(i: number) => randomWord(7, i), (i: number) => randomWord(i, 7)]) {
      const bins = new Uint32Array(16);
      for (let i = 0; i < 16_000; i++) bins[word(i) >>> 28]!++;
      const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
      expect(chiSquare).toBeLessThan(37.7); // 15 degrees of freedom, one in a thousand
    }
  });
});

describe('sample', () => {
  it('takes the first token whose sum exceeds u', () => {
    for (let seed = 0; seed < 200; seed++) {
      const u = randomWord(seed, 3) / 2 ** 32;
      const expected = u < 0.1 ? 0 : u < 0.5 ? 1 : u < 0.8 ? 2 : 3;
      expect(sample(FOUR, { ...ALL, seed }, 3)).toBe(expected);
    }
  });

  it('is greedy at temperature 0', () => {
    expect(sample([1, 2, 2], { ...ALL, temperature: 0 }, 0)).toBe(1);
    expect(sample([NaN], ALL, 0)).toBe(-1);
  });
});
