import { expect, it } from 'vitest';
import { divergence } from './divergence.ts';
import { firstTokens } from './texts.ts';

const logs = (...rows: number[][]) => Float32Array.from(rows.flat(), (probability) => Math.log(probability));

it('measures the divergence from the reference, and the perplexity of the other one', () => {
  const reference = [logs([0.5, 0.25, 0.25], [0.1, 0.1, 0.8])];
  const rounded = [logs([0.25, 0.5, 0.25], [0.1, 0.1, 0.8]).map((logit) => logit + 7)];
  const found = divergence(reference, rounded, [[2, 1]]);
  // 0.5 ln(0.5 / 0.25) + 0.25 ln(0.25 / 0.5) in the first place, none in the second.
  const kl = 0.25 * Math.LN2;
  expect(found.klMean).toBeCloseTo(kl / 2, 6);
  expect(found.kl99).toBeCloseTo(kl, 6);
  expect(found.top1).toBe(0.5);
  // The token behind the first one is 1, which it holds for a half.
  expect(found.perplexity).toBeCloseTo(2, 5);
});

it('is zero of a model and itself, also where something has no probability', () => {
  const logits = [Float32Array.of(1, -Infinity, 3), Float32Array.of(0, 1e4, 0)].map((row) =>
    row.map((one) => Math.max(one, -1e30)),
  );
  expect(divergence(logits, logits, [[0], [1]])).toMatchObject({ klMean: 0, kl99: 0, top1: 1 });
});

it('refuses logits that are no numbers', () => {
  const good = [Float32Array.of(0, 1)];
  expect(() => divergence(good, [Float32Array.of(0, Number.NaN)], [[0]])).toThrow(
    expect.objectContaining({ code: 'gpu_failure' }),
  );
});

it('takes the first tokens of a text', () => {
  expect(
    firstTokens(
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8],
      ],
      5,
    ),
  ).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
  expect(
    firstTokens(
      [
        [1, 2, 3],
        [4, 5],
      ],
      4,
    ),
  ).toEqual([[1, 2, 3]]);
});
