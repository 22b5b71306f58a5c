import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenLogprobs } from './logprobs.ts';
import { means, scoreSequence, total } from './perplexity.ts';
import type { ForwardModel } from './prompt-logprobs.ts';
import { parseScoredText } from './scored-text.ts';

/** Predicts whatever `row` says after each token; counts what it is given. */
class FakeModel implements ForwardModel {
  readonly architecture = { vocabSize: 4 };
  readonly chunkTokens = 2;
  readonly passes: number[][] = [];
  resets = 0;
  readonly state = { reset: () => void this.resets++ };
  readonly #row: (token: number) => number[];

  constructor(row: (token: number) => number[]) {
    this.#row = row;
  }

  async forward(ids: readonly number[]): Promise<{ logits: Float32Array }> {
    this.passes.push([...ids]);
    return { logits: Float32Array.from(ids.flatMap((id) => this.#row(id))) };
  }
}

const UNIFORM = [5, 5, 5, 5];

describe('scoreSequence', () => {
  it('scores each token by the row of the token before', async () => {
    // After token t the likeliest is t + 1, by odds of 9 to 1 against each of the others: 9/12.
    const model = new FakeModel((token) => UNIFORM.map((_, id) => (id === (token + 1) % 4 ? Math.log(9) : 0)));
    const score = await scoreSequence(model, { ids: [0, 1, 2, 0], answer: [0, 1, 1, 1] });
    expect(score.tokens).toBe(3);
    expect(score.top1).toBe(2);
    expect(score.nll).toBeCloseTo(-2 * Math.log(9 / 12) - Math.log(1 / 12), 6);
    expect(model.resets).toBe(1);
    expect(model.passes).toEqual([[0, 1], [2]]);
  });

  it('counts marked tokens only', async () => {
    const model = new FakeModel(() => UNIFORM);
    const score = await scoreSequence(model, { ids: [3, 1, 2, 0], answer: [0, 0, 1, 0] });
    expect(score).toEqual({ tokens: 1, nll: expect.closeTo(Math.log(4), 12), top1: 0 });
  });

  it('takes the first of equal logits for the likeliest', async () => {
    const score = await scoreSequence(new FakeModel(() => UNIFORM), { ids: [3, 0], answer: [0, 1] });
    expect(score.top1).toBe(1);
  });

  it('refuses tokens that the model does not have, before it runs', async () => {
    const model = new FakeModel(() => UNIFORM);
    await expect(scoreSequence(model, { ids: [0, 4], answer: [0, 1] })).rejects.toMatchObject({
      code: 'setting_invalid',
    });
    expect(model.passes).toEqual([]);
  });

  it('refuses logits that are no numbers', async () => {
    const model = new FakeModel(() => [0, Number.NaN, 0, 0]);
    await expect(scoreSequence(model, { ids: [0, 1], answer: [0, 1] })).rejects.toMatchObject({ code: 'gpu_failure' });
  });
});

describe('the log-likelihood of a token', () => {
  it('gives probabilities that sum to 1, at any offset', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -60, max: 60, noNaN: true }), { minLength: 1, maxLength: 50 }),
        fc.constantFrom(-1e4, 0, 145, 1e4),
        (logits, offset) => {
          const row = Float32Array.from(logits, (logit) => logit + offset);
          let sum = 0;
          for (const id of row.keys()) sum += Math.exp(tokenLogprobs(row, id, 0).logprob);
          expect(sum).toBeCloseTo(1, 10);
        },
      ),
    );
  });

  it('keeps the digits of what is nearly certain', () => {
    // -ln(1 / (1 + e^-30)) = e^-30 - ...
    expect(-tokenLogprobs(Float32Array.of(145, 115), 0, 0).logprob).toBeLessThan(1e-12);
    expect(-tokenLogprobs(Float32Array.of(0, -30), 0, 0).logprob / Math.exp(-30)).toBeCloseTo(1, 2);
  });
});

it('adds scores up, and takes their means', () => {
  const sum = total([
    { tokens: 1, nll: 2, top1: 0 },
    { tokens: 3, nll: 2, top1: 3 },
  ]);
  expect(sum).toEqual({ tokens: 4, nll: 4, top1: 3 });
  expect(means(sum)).toEqual({ nll: 1, top1: 0.75 });
});

describe('parseScoredText', () => {
  const sequence = { ids: [0, 5], answer: [0, 1] };
  const reference = { nll: 0.1, top1: 0.9, tokens: 1 };

  it('reads sequences and reference', () => {
    expect(parseScoredText({ sequences: [sequence], reference: { ...reference, note: 'ours' } })).toEqual({
      sequences: [sequence],
      reference,
    });
    expect(parseScoredText({ sequences: [sequence] }).reference).toBeNull();
  });

  it.each([
    ['no object', []],
    ['no sequences', {}],
    ['an empty list', { sequences: [] }],
    ['a sequence that is none', { sequences: [[0, 1]] }],
    ['an id that is no integer', { sequences: [{ ids: [0, 1.5], answer: [0, 1] }] }],
    ['a negative id', { sequences: [{ ids: [0, -1], answer: [0, 1] }] }],
    ['a mask of another length', { sequences: [{ ids: [0, 1], answer: [0, 1, 1] }] }],
    ['a mask of other values', { sequences: [{ ids: [0, 1], answer: [0, 2] }] }],
    ['a first token that counts', { sequences: [{ ids: [0, 1], answer: [1, 1] }] }],
    ['nothing that counts', { sequences: [{ ids: [0, 1], answer: [0, 0] }] }],
    ['half a reference', { sequences: [sequence], reference: { nll: 1 } }],
  ])('refuses %s', (_, json) => {
    expect(() => parseScoredText(json)).toThrow(expect.objectContaining({ code: 'setting_invalid' }));
  });
});
