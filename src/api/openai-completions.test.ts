import { describe, expect, test } from 'vitest';
import type { GenerationEvent } from '../engine/protocol.ts';
import { endEvent, FakeEngine, textEvent } from '../testing/engines/fake-engine.ts';
import { BambaEngine } from './engine.ts';

const logprob = (token: string) => ({ id: 1, token, bytes: [65], logprob: -0.5 });

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('completions.create with several prompts, and with echo', () => {
  const echoed = (id: number, token: string, value: number | null, top: [string, number][] = []) => ({
    id,
    token,
    bytes: null,
    logprob: value,
    top: top.map(([text, one]) => ({ id, token: text, bytes: null, logprob: one })),
  });

  test('answers each prompt as often as it is asked to, and counts each once', async () => {
    const fake = new FakeEngine(textEvent('A'), endEvent());
    const { completions } = new BambaEngine(fake);
    const { choices, usage } = await completions.create({ prompt: ['a', 'b'], n: 2, seed: 5 });
    expect(choices.map(({ index, text }) => [index, text])).toEqual([0, 1, 2, 3].map((index) => [index, 'A']));
    expect(fake.requests.map(({ prompt, seed }) => [prompt, seed])).toEqual([
      ['a', 5],
      ['a', 6],
      ['b', 5],
      ['b', 6],
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 14, completion_tokens: 8 });
    await completions.create({
      prompt: [
        [1, 2],
        [3, 4],
      ],
    });
    expect(fake.requests.slice(4).map(({ prompt }) => prompt)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await expect(completions.create({ prompt: [] as string[] })).rejects.toMatchObject({ code: 'prompt_empty' });
  });

  test('begins answers with the prompt, asking the model only for what it has to tell', async () => {
    const plain = new FakeEngine(textEvent('lo'), endEvent());
    const { choices } = await new BambaEngine(plain).completions.create({ prompt: 'Hel', echo: true });
    expect(choices[0]).toMatchObject({ text: 'Hello', logprobs: null });
    expect(plain.requests).toEqual([{ prompt: 'Hel' }]);
    const ids = new FakeEngine({ type: 'prompt', text: 'Hel', logprobs: [] }, textEvent('lo'), endEvent());
    const stream = await new BambaEngine(ids).completions.create({ prompt: [1, 2], echo: true, stream: true });
    expect((await all(stream)).map((chunk) => chunk.choices[0]?.text)).toEqual(['Hel', 'lo', '']);
    expect(ids.requests).toEqual([{ prompt: [1, 2], promptLogprobs: 0 }]);
  });

  const scored = () =>
    new FakeEngine(
      { type: 'prompt', text: 'ab', logprobs: [echoed(1, 'a', null), echoed(2, 'b', -1.25, [['b', -1.25]])] },
      {
        type: 'text',
        text: '\ufffd',
        ids: [3],
        logprobs: [{ ...logprob('\ufffd'), top: echoed(3, '', 0, TWINS).top }],
      },
      { ...(endEvent() as GenerationEvent & { type: 'end' }), logprob: { ...logprob('<eos>'), top: [] } },
    );
  // Halves of two characters are spelled alike.
  const TWINS: [string, number][] = [
    ['\ufffd', -0.25],
    ['\ufffd', -0.5],
    ['__proto__', -4],
  ];
  const whole = {
    tokens: ['a', 'b', '\ufffd', '<eos>'],
    token_logprobs: [null, -1.25, -0.5, -0.5],
    text_offset: [0, 1, 2, 3],
  };

  test('has log-probabilities of the prompt, the answer and the token that ended it', async () => {
    const fake = scored();
    const { choices } = await new BambaEngine(fake).completions.create({ prompt: 'ab', echo: true, logprobs: 1, n: 2 });
    expect(choices).toHaveLength(2);
    for (const { text, logprobs } of choices) {
      expect(text).toBe('ab\ufffd');
      expect(logprobs).toMatchObject(whole);
      expect(logprobs!.top_logprobs.map((one) => one && Object.entries(one))).toEqual([
        null,
        [['b', -1.25]],
        [
          ['\ufffd', -0.25],
          ['__proto__', -4],
        ],
        [],
      ]);
    }
    // The prompt is scored once.
    expect(fake.requests).toEqual([
      { prompt: 'ab', logprobs: 1, promptLogprobs: 1 },
      { prompt: 'ab', logprobs: 1 },
    ]);
  });

  test('streams them with running offsets', async () => {
    const stream = await new BambaEngine(scored()).completions.create({
      prompt: 'ab',
      echo: true,
      logprobs: 1,
      stream: true,
    });
    const parts = (await all(stream)).map((chunk) => chunk.choices[0]!.logprobs!);
    expect(parts.flatMap(({ tokens }) => tokens)).toEqual(whole.tokens);
    expect(parts.flatMap((part) => part.token_logprobs)).toEqual(whole.token_logprobs);
    expect(parts.flatMap((part) => part.text_offset)).toEqual(whole.text_offset);
  });
});
