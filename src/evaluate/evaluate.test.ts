import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  EngineInfo,
  GenerationEvent,
  GenerationRequest,
  PromptLogprob,
  TokenizingEngine,
} from '../engine/protocol.ts';
import { evaluate, type KeptOutcomes } from './evaluate.ts';
import { bitsMetric, meanMetric, perplexityMetric } from './metrics.ts';
import { parseTaskFile } from './task-file.ts';
import { taskWork } from './task-work.ts';
import { scoredTextWork, textWork } from './text-work.ts';
import { textWindows } from './windows.ts';
import { requireNames, type Outcome } from './work.ts';

const A = 'a'.charCodeAt(0);
/** Each letter is a token, and after each the next one of the alphabet is the likeliest, with a half. */
const logprob = (before: number, id: number) => Math.log(id === before + 1 ? 0.5 : 0.01);

/** An engine that knows the alphabet. A digit before a text stands for what nothing else does. */
class AlphabetEngine implements TokenizingEngine {
  readonly info: EngineInfo;
  readonly asked: GenerationRequest[] = [];

  constructor(model: Partial<EngineInfo['model']> = {}) {
    this.info = { model: { name: 'alphabet', contextLength: 16, beginId: A - 1, ...model }, adapter: {} } as EngineInfo;
  }

  async *generate(
    request: GenerationRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerationEvent> {
    this.asked.push(request);
    const ids = request.prompt as number[];
    if (signal?.aborted) {
      yield { type: 'end', finishReason: 'abort', usage: {} as never };
      return;
    }
    const logprobs = ids.map((id, index): PromptLogprob => {
      const token = { id, token: '', bytes: null };
      if (index === 0) return { ...token, logprob: null, top: [] };
      const before = ids[index - 1]!;
      return {
        ...token,
        logprob: logprob(before, id),
        top: [{ ...token, id: before + 1, logprob: logprob(before, before + 1) }],
      };
    });
    if (request.promptLogprobs !== undefined) yield { type: 'prompt', text: '', logprobs };
    if (request.maxTokens! > 0) yield { type: 'text', text: String.fromCharCode(ids.at(-1)! + 1), ids: [] };
    yield { type: 'end', finishReason: 'length', usage: {} as never };
  }

  async tokenize(input: string | readonly { content: string }[]): Promise<number[]> {
    const text = typeof input === 'string' ? input : input.map(({ content }) => content).join('');
    return Array.from(text, (letter) => letter.charCodeAt(0));
  }

  countTokens = async () => 0;
  detokenize = async () => '';
  dispose = async () => undefined;
}

const lines = (...values: object[]) => values.map((value) => JSON.stringify(value)).join('\n');
const CHOICES = lines(
  {
    task: 'next',
    output_type: 'multiple_choice',
    doc_to_text: 'text',
    doc_to_choice: 'choices',
    doc_to_target: 'answer',
    target_delimiter: '',
  },
  { text: 'ab', choices: ['x', 'c'], answer: 1 },
  { text: 'ab', choices: ['cx', 'xxxxxx'], answer: 1 },
  { text: 'bc', choices: ['d', 'a'], answer: 1 },
);
const works = (text: string, limit = Infinity) => [taskWork(parseTaskFile(text, 'my.jsonl'), { chats: true, limit })];
describe('evaluate', () => {
  it('chooses what is likelier, and what is likelier for its length', async () => {
    const [result] = await evaluate(new AlphabetEngine(), works(CHOICES));
    expect(result!.outcomes.map(({ loglikelihoods }) => loglikelihoods)).toEqual([
      [Math.log(0.01), Math.log(0.5)],
      [Math.log(0.5) + Math.log(0.01), 6 * Math.log(0.01)].map((value) => expect.closeTo(value, 12) as number),
      [Math.log(0.5), Math.log(0.01)],
    ]);
    expect(result!.metrics).toMatchObject([
      { name: 'acc', value: 1 / 3, stderr: expect.closeTo(1 / 3, 12) as number },
      { name: 'acc_norm', value: 1 / 3 },
    ]);
  });

  it('moves spaces of a context to the choice, and begins what has no context', async () => {
    const engine = new AlphabetEngine();
    const head = {
      task: 't',
      output_type: 'multiple_choice',
      doc_to_text: 'text',
      doc_to_choice: 'choices',
      doc_to_target: 0,
    };
    await evaluate(
      engine,
      works(lines(head, { text: 'ab ', choices: ['c', 'd'] }, { text: ' ', choices: ['c', 'd'] })),
    );
    expect(engine.asked.map(({ prompt }) => String.fromCharCode(...(prompt as number[])))).toEqual([
      'ab  c',
      'ab  d',
      '`  c',
      '`  d',
    ]);
  });

  it('compares answers, whole and as chats', async () => {
    const head = {
      task: 't',
      output_type: 'generate_until',
      doc_to_text: 'text',
      doc_to_target: 'next',
      generation_kwargs: { max_gen_toks: 1 },
    };
    const docs = [
      { text: 'ab', next: 'c' },
      { text: 'cd', next: 'x' },
    ];
    for (const apply_chat_template of [false, true]) {
      const engine = new AlphabetEngine();
      const [result] = await evaluate(engine, works(lines({ ...head, apply_chat_template }, ...docs)));
      expect(result!.outcomes).toMatchObject([
        { answer: 'c', exact_match: 1 },
        { answer: 'e', exact_match: 0 },
      ]);
      expect(result!.metrics).toMatchObject([{ name: 'exact_match', value: 0.5, stderr: 0.5 }]);
      expect(engine.asked[0]).toMatchObject({ temperature: 0, stop: ['\n\n'], maxTokens: 1 });
    }
  });

  it('goes on from what was kept, and computes the rest alone', async () => {
    const outcomes = new Map<string, Outcome>();
    const kept: KeptOutcomes = {
      get: (work, part) => outcomes.get(`${work} ${part}`),
      put: async (work, part, outcome) => void outcomes.set(`${work} ${part}`, outcome),
    };
    const stop = new AbortController();
    const engine = new AlphabetEngine();
    const first = evaluate(engine, works(CHOICES), {
      kept,
      signal: stop.signal,
      onProgress: ({ done }) => done === 2 && stop.abort(),
    });
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    expect(outcomes.size).toBe(2);
    const progress: number[] = [];
    const again = new AlphabetEngine();
    const results = await evaluate(again, works(CHOICES), { kept, onProgress: ({ done }) => progress.push(done) });
    expect([again.asked.length, progress]).toEqual([2, [2, 3]]);
    expect(results).toEqual(await evaluate(new AlphabetEngine(), works(CHOICES)));
    // Another question is not known, however it is numbered.
    const other = new AlphabetEngine();
    await evaluate(other, works(CHOICES.replaceAll('"ab"', '"bb"')), { kept });
    expect(other.asked.length).toBe(6);
  });

  it('says what the context has no room for', async () => {
    const engine = new AlphabetEngine({ contextLength: 2 });
    await expect(evaluate(engine, works(CHOICES))).rejects.toMatchObject({
      code: 'prompt_too_long',
      message: expect.stringContaining('my.jsonl, line 2 takes 3 tokens, and the model has a context of 2') as string,
    });
  });

  it('says that a tokenizer has no token to begin with', async () => {
    const engine = new AlphabetEngine();
    delete engine.info.model.beginId;
    await expect(textWork(engine, 'abc', { name: 'my.txt' })).rejects.toMatchObject({ code: 'setting_invalid' });
  });
});

describe('the perplexity of a text', () => {
  it('is that of all its tokens, read whole', async () => {
    const engine = new AlphabetEngine();
    const [result] = await evaluate(engine, [await textWork(engine, 'abd', { name: 'my.txt' })]);
    const nll = -(2 * Math.log(0.5) + Math.log(0.01)) / 3;
    expect(engine.asked).toHaveLength(1);
    expect(result!.metrics).toMatchObject([
      { name: 'nll', value: expect.closeTo(nll, 12) as number },
      { name: 'perplexity', value: expect.closeTo(Math.exp(nll), 10) as number },
      { name: 'top1', value: 2 / 3 },
      { name: 'bits_per_byte', value: expect.closeTo(nll / Math.LN2, 10) as number },
    ]);
  });

  it('is the same in windows, where a token depends on the one before alone', async () => {
    const engine = new AlphabetEngine();
    const text = 'abcdxyzabcdefxghij';
    const whole = new AlphabetEngine({ contextLength: 99 });
    const [expected] = await evaluate(whole, [await textWork(whole, text, { name: 'my.txt' })]);
    for (const windows of [{}, { size: 5 }, { size: 5, stride: 4 }, { size: 2, stride: 1 }]) {
      const [result] = await evaluate(engine, [await textWork(engine, text, { name: 'my.txt', windows })]);
      for (const [index, { value, stderr }] of result!.metrics.entries()) {
        expect(value).toBeCloseTo(expected!.metrics[index]!.value, 10);
        if (stderr !== null) expect(stderr).toBeCloseTo(expected!.metrics[index]!.stderr!, 10);
      }
    }
  });

  it.each([
    ['of no tokens', '', {}, 'prompt_empty', 'my.txt has 0 tokens'],
    ['in windows beyond the context', 'abc', { size: 17 }, 'setting_invalid', 'the model has a context of 16'],
    ['in strides beyond the window', 'abc', { size: 4, stride: 4 }, 'setting_invalid', 'Give 1 to 3'],
  ])('%s is refused in a sentence', async (_, text, windows, code, message) => {
    await expect(textWork(new AlphabetEngine(), text, { name: 'my.txt', windows })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('of given tokens counts those that are marked', async () => {
    const sequences = [{ ids: [A, A + 1, A + 5, A + 6], answer: [0, 1, 0, 1] }];
    const [result] = await evaluate(new AlphabetEngine(), [scoredTextWork('ids', { sequences, reference: null })]);
    expect(result!.metrics).toMatchObject([
      { value: expect.closeTo(Math.log(2), 12) as number, stderr: 0 },
      {},
      { value: 1 },
    ]);
  });
});

it('cuts texts into windows that predict each token once, with what the harness has before it', () => {
  // Its own example: ten tokens, four at once, and the last window full.
  const windows = textWindows([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 99, { size: 5, stride: 4 });
  expect(windows).toEqual([
    { ids: [99, 0, 1, 2, 3], answer: [0, 1, 1, 1, 1] },
    { ids: [3, 4, 5, 6, 7], answer: [0, 1, 1, 1, 1] },
    { ids: [5, 6, 7, 8, 9], answer: [0, 0, 0, 1, 1] },
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 2, max: 20 }), fc.nat(), (count, size, seed) => {
      const ids = Array.from({ length: count }, (_, index) => index);
      const stride = 1 + (seed % (size - 1));
      const predicted = textWindows(ids, -1, { size, stride }).flatMap((window) => {
        expect(window.ids.length).toBeLessThanOrEqual(size);
        expect(window.answer[0]).toBe(0);
        return window.ids.filter((_, index) => window.answer[index] === 1);
      });
      expect(predicted).toEqual(ids);
    }),
    { numRuns: 50 },
  );
});

it('has standard errors of means, and of ratios', () => {
  expect(meanMetric('m', [1, 0, 1, 1])).toMatchObject({ value: 0.75, stderr: expect.closeTo(0.25, 12) as number });
  expect(meanMetric('m', [1]).stderr).toBeNull();
  // Parts of one weight are a mean.
  const parts = [3, 1, 2].map((nats) => ({ loglikelihood: -nats, weight: 1 }));
  const error = meanMetric('m', [3, 1, 2]).stderr!;
  expect(bitsMetric('b', parts)).toMatchObject({
    value: 2 / Math.LN2,
    stderr: expect.closeTo(error / Math.LN2, 12) as number,
  });
  expect(perplexityMetric('p', parts)).toMatchObject({
    value: Math.exp(2),
    stderr: expect.closeTo(Math.exp(2) * error, 10) as number,
  });
  // All alike, whatever their weight: no error.
  expect(
    bitsMetric(
      'b',
      [1, 5].map((weight) => ({ loglikelihood: -2 * weight, weight })),
    ).stderr,
  ).toBeCloseTo(0, 12);
});

it('refuses two works of one name', () => {
  expect(() => requireNames([{ name: 'a' }, { name: 'b' }, { name: 'a' }])).toThrow('named a');
});
