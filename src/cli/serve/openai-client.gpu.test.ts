import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import harness from '../../testing/fixtures/harness.json' with { type: 'json' };
import { hasAdapter } from '../../testing/dawn.ts';
import { violation } from '../../testing/json-schema.ts';
import { type ServedEngine, serveEngine } from '../../testing/engines/served-engine.ts';
import { loadGoldenEngine } from '../../testing/engines/tiny-engine.ts';
import { asciiIds, NO_SPECIAL } from '../../testing/models/tiny-model.ts';
import type { StateEngine } from '../../engine/protocol.ts';

// OpenAI's own client against the server and the engine itself, with a model of random weights.

const model = 'golden';
const messages = [{ role: 'user' as const, content: 'Hi' }];
const plain = { model, messages, temperature: 0, max_tokens: 4, logit_bias: NO_SPECIAL };

describe.skipIf(!hasAdapter)("OpenAI's client", () => {
  let engine: StateEngine;
  let served: ServedEngine;
  beforeAll(async () => {
    // The harness's numbers are those of f32.
    engine = await loadGoldenEngine({ precision: 'exact' });
    served = await serveEngine(engine);
  });
  afterAll(async () => {
    await served?.close();
    await engine?.dispose();
  });

  test('gets the same text whole, in pieces, and sixteen times at once', async () => {
    const { client } = served;
    const whole = await client.chat.completions.create(plain);
    const text = whole.choices[0]!.message.content;
    expect(whole).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 4 } });
    const stream = client.chat.completions.stream({ ...plain, stream: true });
    expect((await stream.finalChatCompletion()).choices[0]!.message.content).toBe(text);
    const many = await Promise.all(Array.from({ length: 16 }, () => client.chat.completions.create(plain)));
    expect(many.map(({ choices }) => choices[0]!.message.content)).toEqual(many.map(() => text));
  });

  test('has tools called, and answers by a schema', async () => {
    const { client } = served;
    const parameters = { type: 'object', properties: { on: { type: 'boolean' } }, required: ['on'] };
    const called = await client.chat.completions.create({
      model,
      messages,
      tool_choice: 'required',
      tools: [{ type: 'function', function: { name: 'lamp', parameters } }],
    });
    const [call] = called.choices[0]!.message.tool_calls!;
    expect(call).toMatchObject({ type: 'function', function: { name: 'lamp' } });
    expect(
      violation(JSON.parse((call as { function: { arguments: string } }).function.arguments), parameters),
    ).toBeNull();
    const answer = await client.chat.completions.create({
      model,
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'lamp', schema: parameters, strict: true } },
    });
    expect(violation(JSON.parse(answer.choices[0]!.message.content!), parameters)).toBeNull();
  });

  test('stops an answer, and the next one comes at once', async () => {
    const { client } = served;
    const { max_tokens: _limit, ...endless } = plain;
    const stream = await client.chat.completions.create({ ...endless, stream: true });
    let pieces = 0;
    for await (const _ of stream) if (++pieces === 2) stream.controller.abort();
    // The context has room for minutes of it.
    expect((await client.chat.completions.create(plain)).choices[0]!.finish_reason).toBe('length');
  });

  test('gets the log-probabilities that evaluations compare as numbers', async () => {
    const prompt = asciiIds('An apple is');
    const { choices } = await served.client.completions.create({
      model,
      prompt: [prompt, prompt.slice(0, 3)],
      echo: true,
      logprobs: 1,
      max_tokens: 1,
      temperature: 0,
    });
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    for (const [place, { logprobs }] of choices.entries()) {
      const { token_logprobs: tokens, top_logprobs: tops } = logprobs!;
      expect(tokens).toHaveLength((place === 0 ? prompt.length : 3) + 1);
      expect([tokens![0], tops![0]]).toEqual([null, null]);
      for (const [at, top] of tops!.entries()) {
        if (at > 0) expect(tokens![at]).toBeLessThanOrEqual(Math.max(...Object.values(top)));
      }
      // The answer is greedy: the very same number.
      expect(tokens!.at(-1)).toBe(Math.max(...Object.values(tops!.at(-1)!)));
    }
    expect(choices[1]!.logprobs!.token_logprobs!.slice(1, 3)).toEqual(
      choices[0]!.logprobs!.token_logprobs!.slice(1, 3).map((value) => expect.closeTo(value, 5) as number),
    );
  });

  test('gets what the harness for evaluations gets from the reference', async () => {
    const { client } = served;
    // Its ways: ids from the server, and sums over the continuation, without the one token that is generated.
    const encode = async (prompt: string): Promise<number[]> => {
      const { body } = await served.ask('/tokenize', { prompt, add_special_tokens: false });
      return body['tokens'] as number[];
    };
    const score = async (parts: readonly (readonly [context: number[], continuation: number[]])[]) => {
      const prompt = parts.map((part) => part.flat());
      const asked = { model, prompt, echo: true, logprobs: 1, max_tokens: 1, temperature: 0, seed: 1234 };
      const { choices } = await client.completions.create(asked);
      return choices.map(({ logprobs }, index) =>
        logprobs!.token_logprobs!.slice(parts[index]![0].length, -1).reduce((sum, value) => sum + value, 0),
      );
    };
    const [kind] = harness.kinds;
    const context = await encode(kind!.question);
    const choices = await Promise.all(kind!.choices.map((choice) => encode(` ${choice}`)));
    const scores = await score(choices.map((choice) => [context, choice]));
    for (const [index, value] of scores.entries()) expect(value).toBeCloseTo(kind!.loglikelihoods[index]!, 4);
    const [prose] = harness.prose;
    const [rolling] = await score([[await encode('<bos>'), await encode(prose!.text)]]);
    expect(rolling).toBeCloseTo(prose!.loglikelihood, 4);
    const [sum] = harness.sums;
    const greedy = { model, prompt: [await encode(sum!.question)], max_tokens: 8, temperature: 0 };
    const { choices: answers } = await client.completions.create({ ...greedy, stop: ['\n', '<eos>'], seed: 1234 });
    expect(answers[0]!.text).toBe(sum!.generated);
  });

  test('goes on from a response whose state is kept', async () => {
    const { client } = served;
    const first = await client.responses.create({ model, input: 'One. '.repeat(10), max_output_tokens: 3 });
    const next = { model, input: 'Two.', previous_response_id: first.id, max_output_tokens: 3 };
    const { usage } = await client.responses.create(next);
    expect(usage!.input_tokens_details.cached_tokens).toBeGreaterThanOrEqual(first.usage!.input_tokens);
    expect(usage!.input_tokens).toBeGreaterThan(usage!.input_tokens_details.cached_tokens);
  });
});
