import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenizingEngine } from '../engine/protocol.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { ALL, every } from '../testing/extent.ts';
import harness from '../testing/fixtures/harness.json' with { type: 'json' };
import { BUNDLED_GOLDEN, type Golden, loadGolden } from '../testing/models/golden.ts';
import { loadGoldenEngine } from '../testing/engines/tiny-engine.ts';
import { spell } from '../testing/models/tiny-model.ts';
import { evaluate } from './evaluate.ts';
import { parseTaskFile } from './task-file.ts';
import { taskWork } from './task-work.ts';
import { scoredTextWork } from './text-work.ts';
import type { Work } from './work.ts';

// A model with random weights, of which an independent implementation has computed logits, and the harness figures.

const work = (...lines: object[]): Work =>
  taskWork(parseTaskFile(lines.map((line) => JSON.stringify(line)).join('\n'), 'test.jsonl'), {
    chats: true,
    limit: Infinity,
  });

describe.skipIf(!hasAdapter)('evaluation', () => {
  let engine: TokenizingEngine;
  let golden: Golden;
  let ids: number[];
  /** Log-probabilities behind a token of the golden, in f64 from its logits. */
  let logprobs: (position: number) => number[];
  beforeAll(async () => {
    engine = await loadGoldenEngine({ precision: 'exact' });
    golden = await loadGolden(BUNDLED_GOLDEN);
    ids = [...golden.results.get('input_ids')!.values];
    const { values } = golden.results.get('logits')!;
    const { vocabSize } = golden.architecture;
    logprobs = (position) => {
      const row = [...values.subarray(position * vocabSize, (position + 1) * vocabSize)];
      const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
      return row.map((logit) => logit - total);
    };
  });
  afterAll(() => engine?.dispose());

  test('gets the log-likelihoods of the logits that a reference computed', async () => {
    const each = ids.slice(1).map((_, index) => {
      const answer = ids.map((__, position) => (position === index + 1 ? 1 : 0));
      return { ids, answer };
    });
    const [result] = await evaluate(engine, [scoredTextWork('golden', { sequences: each, reference: null })]);
    const expected = ids.slice(1).map((id, index) => -logprobs(index)[id]!);
    expect(result!.outcomes.map(({ nll }) => nll)).toEqual(expected.map((nll) => expect.closeTo(nll, 4) as number));
    expect(result!.metrics[0]!.value).toBeCloseTo(expected.reduce((sum, nll) => sum + nll, 0) / expected.length, 4);
    const right = ids.slice(1).filter((id, index) => logprobs(index).every((value) => value <= logprobs(index)[id]!));
    expect(result!.metrics[2]).toMatchObject({ name: 'top1', value: right.length / expected.length });
  });

  test('chooses as those logits do', async () => {
    const { vocabSize } = golden.architecture;
    // Tokens that have a spelling of their own and are no space, four of them behind each beginning of the golden.
    const positions = every(4, [...ids.keys()]);
    const docs = positions.flatMap((position) =>
      Array.from({ length: ALL ? 6 : 2 }, (__, draw) => {
        const choices = Array.from(
          { length: 4 },
          (___, place) => 140 + ((position * 577 + draw * 131 + place * 89) % (vocabSize - 140)),
        );
        const values = choices.map((id) => logprobs(position)[id]!);
        // Of the first draws the likeliest is right, of the next ones another.
        const answer = (values.indexOf(Math.max(...values)) + draw) % 4;
        return {
          text: ids
            .slice(0, position + 1)
            .map(spell)
            .join(''),
          position,
          choices,
          answer,
        };
      }),
    );
    const head = {
      task: 'golden',
      output_type: 'multiple_choice',
      doc_to_text: 'text',
      doc_to_choice: 'spelled',
      doc_to_target: 'answer',
      target_delimiter: '',
    };
    const [result] = await evaluate(engine, [
      work(head, ...docs.map((doc) => ({ ...doc, spelled: doc.choices.map(spell) }))),
    ]);
    const right = docs.filter(({ position, choices, answer }) => {
      const values = choices.map((id) => logprobs(position)[id]!);
      return values.indexOf(Math.max(...values)) === answer;
    });
    expect(result!.metrics[0]).toMatchObject({ name: 'acc', value: right.length / docs.length });
    expect(right.length).toBeGreaterThanOrEqual(positions.length);
    for (const [index, { position, choices }] of docs.entries()) {
      const values = choices.map((id) => expect.closeTo(logprobs(position)[id]!, 4) as number);
      expect(result!.outcomes[index]).toMatchObject({ loglikelihoods: values });
    }
  });

  test('agrees with what the harness itself found', async () => {
    // Of questions a few: each is computed by itself.
    const [asked, summed] = [every(4, harness.kinds), every(4, harness.sums)];
    const kinds = {
      task: 'kinds',
      output_type: 'multiple_choice',
      doc_to_text: '{{ question }}',
      doc_to_choice: 'choices',
      doc_to_target: 'answer',
    };
    const sums = {
      task: 'sums',
      output_type: 'generate_until',
      doc_to_text: 'question',
      doc_to_target: 'answer',
      generation_kwargs: { until: ['\n', '<eos>'], max_gen_toks: 8 },
    };
    const prose = { task: 'prose', output_type: 'loglikelihood_rolling', doc_to_target: '{{ text }}' };
    const results = await evaluate(engine, [
      work(kinds, ...asked),
      work(sums, ...summed),
      work(prose, ...harness.prose),
    ]);
    const right = ({ loglikelihoods, choices, answer }: (typeof asked)[number], byLength: boolean) => {
      const values = loglikelihoods.map((value, index) => (byLength ? value / choices[index]!.length : value));
      return values.indexOf(Math.max(...values)) === answer;
    };
    const share = (byLength: boolean) => asked.filter((one) => right(one, byLength)).length / asked.length;
    // The harness's own figures are of all questions.
    const expected = ALL
      ? harness.metrics
      : { ...harness.metrics, kinds: { acc: share(false), acc_norm: share(true) } };
    for (const { name, metrics } of results) {
      const figures: Readonly<Record<string, number>> = expected[name as keyof typeof expected];
      expect(metrics.map((metric) => metric.name)).toEqual(Object.keys(figures));
      // Perplexities are large numbers: digits count.
      for (const metric of metrics) {
        const figure = figures[metric.name]!;
        expect(metric.value / (figure || 1)).toBeCloseTo(figure === 0 ? 0 : 1, 4);
      }
    }
    const [chosen, answered, read] = results.map(({ outcomes }) => outcomes);
    const close = (value: number) => expect.closeTo(value, 4) as number;
    expect(chosen!.map(({ loglikelihoods }) => loglikelihoods)).toEqual(
      asked.map((one) => one.loglikelihoods.map(close)),
    );
    expect(answered!.map(({ answer }) => answer)).toEqual(summed.map(({ generated }) => generated));
    expect(read!.map(({ loglikelihood }) => loglikelihood)).toEqual(
      harness.prose.map((one) => close(one.loglikelihood)),
    );
  });
});
