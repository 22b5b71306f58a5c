import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenizingEngine } from '../engine/protocol.ts';
import { hasAdapter } from '../testing/dawn.ts';
import harness from '../testing/fixtures/harness.json' with { type: 'json' };
import { BUNDLED_GOLDEN, type Golden, loadGolden } from '../testing/models/golden.ts';
import { loadTinyEngine } from '../testing/engines/tiny-engine.ts';
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
    engine = await loadTinyEngine({ precision: 'exact' });
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
    const docs = ids.flatMap((_, position) =>
      Array.from({ length: 6 }, (__, draw) => {
        const choices = Array.from(
          { length: 4 },
          (___, place) => 140 + ((position * 577 + draw * 131 + place * 89) % (vocabSize - 140)),
        );
        return {
          text: ids
            .slice(0, position + 1)
            .map(spell)
            .join(''),
          position,
          choices,
          answer: (position + draw) % 4,
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
    expect(right.length).toBeGreaterThan(0);
    for (const [index, { position, choices }] of docs.entries()) {
      const values = choices.map((id) => expect.closeTo(logprobs(position)[id]!, 4) as number);
      expect(result!.outcomes[index]).toMatchObject({ loglikelihoods: values });
    }
  });

  test('agrees with what the harness itself found', async () => {
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
      work(kinds, ...harness.kinds),
      work(sums, ...harness.sums),
      work(prose, ...harness.prose),
    ]);
    for (const { name, metrics } of results) {
      const expected: Readonly<Record<string, number>> = harness.metrics[name as keyof typeof harness.metrics];
      // Perplexities are large numbers: digits count.
      for (const metric of metrics)
        expect(metric.value / (expected[metric.name] || 1)).toBeCloseTo(expected[metric.name] ? 1 : 0, 4);
      expect(metrics.map((metric) => metric.name)).toEqual(Object.keys(expected));
    }
    const [chosen, answered, read] = results.map(({ outcomes }) => outcomes);
    const close = (value: number) => expect.closeTo(value, 4) as number;
    expect(chosen!.map(({ loglikelihoods }) => loglikelihoods)).toEqual(
      harness.kinds.map((one) => one.loglikelihoods.map(close)),
    );
    expect(answered!.map(({ answer }) => answer)).toEqual(harness.sums.map(({ generated }) => generated));
    expect(read!.map(({ loglikelihood }) => loglikelihood)).toEqual(
      harness.prose.map((one) => close(one.loglikelihood)),
    );
  });
});
