import type OpenAI from 'openai';
import { ChatCompletionRunner } from 'openai/lib/ChatCompletionRunner';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import type { ToolCall, TuningProgress, Usage } from '../engine/protocol.ts';
import { endEvent, FakeEngine, textEvent } from '../testing/engines/fake-engine.ts';
import { BambaEngine } from './engine.ts';
import type { ChatCompletionParams, CompletionParams } from './openai-types.ts';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const call: ToolCall = { id: 'abc', name: 'f', arguments: '{"a":1}' };
const logprob = (token: string) => ({ id: 1, token, bytes: [65], logprob: -0.5 });

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('chat.completions.create', () => {
  test('answers at once', async () => {
    const engine = new BambaEngine(new FakeEngine(textEvent('Hel'), textEvent('lo'), endEvent()));
    const answer = await engine.chat.completions.create({ messages });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'fake',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop', logprobs: null }],
      usage: {
        prompt_tokens: 7,
        completion_tokens: 2,
        total_tokens: 9,
        prompt_tokens_details: { cached_tokens: 3 },
        extra: {
          prefill_tokens_per_s: 8,
          decode_tokens_per_s: 4,
          time_to_first_token_s: 0.5,
          time_per_output_token_s: 0.25,
        },
      },
    });
    expect(answer.usage.extra.e2e_latency_s).toBeGreaterThan(0);
    expect(Math.abs(answer.created - Date.now() / 1000)).toBeLessThan(60);
  });

  test('tells why a known prompt was read again, and how many turns were dropped', async () => {
    const extra = async (usage: Partial<Usage>) => {
      const fake = new FakeEngine(textEvent('Hello'), endEvent('stop', usage));
      const { chat } = new BambaEngine(fake);
      const answer = await chat.completions.create({ messages, context_overflow: 'drop-oldest-turns' });
      expect(fake.requests[0]).toMatchObject({ contextOverflow: 'drop-oldest-turns' });
      return answer.usage.extra;
    };
    expect(await extra({ droppedTurns: 3 })).toMatchObject({ dropped_turns: 3 });
    const reasons = ['edited', 'evicted', 'other-model', 'other-template'] as const;
    const told = await Promise.all(reasons.map((reason) => extra({ cacheMiss: { reason, at: 12 } })));
    expect(told.map(({ cache_miss_reason: reason }) => reason)).toEqual([
      'edited at token 12',
      'evicted',
      'other model',
      'other template',
    ]);
    expect(Object.keys(await extra({}))).not.toContain('cache_miss_reason');
  });

  test('names the conversation whose state is kept', async () => {
    const fake = new FakeEngine(textEvent('Hello'), endEvent('stop'));
    const { chat } = new BambaEngine(fake);
    await chat.completions.create({ messages, conversation: 'chat 7' });
    await chat.completions.create({ messages, conversation: null });
    expect(fake.requests.map(({ conversation }) => conversation)).toEqual(['chat 7', undefined]);
  });

  test('streams chunks, the role in the first and usage in the last', async () => {
    const engine = new BambaEngine(new FakeEngine(textEvent('Hel'), textEvent('lo'), endEvent('length')));
    const chunks = await all(
      await engine.chat.completions.create({ messages, stream: true, stream_options: { include_usage: true } }),
    );
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.map(({ choices }) => choices[0])).toEqual([
      { index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null, logprobs: null },
      { index: 0, delta: { content: 'lo' }, finish_reason: null, logprobs: null },
      { index: 0, delta: {}, finish_reason: 'length', logprobs: null },
      undefined,
    ]);
    expect(chunks.map(({ usage }) => usage && usage.total_tokens)).toEqual([null, null, null, 9]);
    const plain = await all(await engine.chat.completions.create({ messages, stream: true }));
    expect(plain.some((chunk) => 'usage' in chunk)).toBe(false);
  });

  test('gives several answers, with seeds in a row, and counts the prompt once', async () => {
    const fake = new FakeEngine(textEvent('A'), endEvent());
    const { chat } = new BambaEngine(fake);
    const answer = await chat.completions.create({ messages, n: 3, seed: 2 ** 32 - 1 });
    expect(answer.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'A'],
      [1, 'A'],
      [2, 'A'],
    ]);
    expect(fake.requests.map(({ seed }) => seed)).toEqual([2 ** 32 - 1, 0, 1]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 6, total_tokens: 13 });
    const chunks = await all(await chat.completions.create({ messages, n: 2, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]?.index)).toEqual([0, 0, 1, 1]);
  });

  test('hands all parameters to the engine, by its names', async () => {
    const fake = new FakeEngine(endEvent());
    const schema = { type: 'object' };
    await new BambaEngine(fake).chat.completions.create({
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'brief.' },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', content: '1', tool_call_id: 'x', name: 'f' },
      ],
      model: 'fake',
      max_completion_tokens: 5,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 10,
      min_p: 0.1,
      repetition_penalty: 1.1,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logit_bias: { 7: -100 },
      stop: ['a'],
      seed: 4,
      n: null,
      logprobs: true,
      top_logprobs: 2,
      response_format: { type: 'json_schema', json_schema: { name: 's', schema, strict: true } },
    });
    expect(fake.requests[0]).toEqual({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'assistant', content: '', toolCalls: [{ id: 'x', name: 'f', arguments: '{}' }] },
        { role: 'tool', content: '1', toolCallId: 'x', name: 'f' },
      ],
      maxTokens: 5,
      temperature: 0.5,
      topP: 0.9,
      topK: 10,
      minP: 0.1,
      repetitionPenalty: 1.1,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      logitBias: { 7: -100 },
      stop: ['a'],
      seed: 4,
      logprobs: 2,
      json: { schema },
    });
  });

  test('calls tools', async () => {
    const fake = new FakeEngine(
      textEvent('', [1]),
      { type: 'toolCall', call },
      { type: 'toolCall', call: { ...call, id: 'd' } },
      endEvent(),
    );
    const { chat } = new BambaEngine(fake);
    const params = {
      messages,
      tools: [{ type: 'function' as const, function: { name: 'f', description: 'F', parameters: {} } }],
      tool_choice: { type: 'function' as const, function: { name: 'f' } },
    };
    const { choices } = await chat.completions.create(params);
    const called = { id: 'abc', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [called, { id: 'd' }] },
    });
    expect(fake.requests[0]).toMatchObject({
      tools: [{ name: 'f', description: 'F', parameters: {} }],
      toolChoice: { name: 'f' },
    });
    const chunks = await all(await chat.completions.create({ ...params, stream: true }));
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])).toEqual([
      { index: 0, ...called },
      { index: 1, ...called, id: 'd' },
    ]);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  test('has log-probabilities where they are asked for', async () => {
    const text = {
      ...textEvent('AB', [1, 2]),
      logprobs: ['A', 'B'].map((token) => ({ ...logprob(token), top: [logprob('Z')] })),
    };
    const { chat, completions } = new BambaEngine(new FakeEngine(text, endEvent()));
    const { choices } = await chat.completions.create({ messages, logprobs: true, top_logprobs: 1 });
    expect(choices[0]?.logprobs?.content[1]).toEqual({
      token: 'B',
      bytes: [65],
      logprob: -0.5,
      top_logprobs: [{ token: 'Z', bytes: [65], logprob: -0.5 }],
    });
    const plain = await completions.create({ prompt: 'x', logprobs: 1 });
    expect(plain.choices[0]?.logprobs).toEqual({
      tokens: ['A', 'B'],
      token_logprobs: [-0.5, -0.5],
      top_logprobs: [{ Z: -0.5 }, { Z: -0.5 }],
      text_offset: [0, 1],
    });
  });

  test.each<[object, RegExp]>([
    [{ nonsense: {} }, /takes no parameter "nonsense".*It takes: model, stream/],
    [{ audio: {} }, /audio cannot be given/],
    [{ modalities: ['text', 'audio'] }, /takes \['text'\]/],
    [{ reasoning_effort: 'high' }, /'none' or 'minimal'/],
    [{ verbosity: 'low' }, /takes 'medium'/],
    [{ web_search_options: {} }, /server that searches/],
    [{ moderation: { model: 'm' } }, /server that moderates/],
    [{ functions: [{ name: 'f' }] }, /give them as tools/],
    [{ function_call: { name: 'f' } }, /give tool_choice/],
    [
      { parallel_tool_calls: false, tools: [{ type: 'function', function: { name: 'f' } }] },
      /unless tool_choice names/,
    ],
    [
      { messages: [{ role: 'assistant', function_call: { name: 'f', arguments: '{}' } }] },
      /Message 1 has function_call/,
    ],
    [{ n: 17 }, /n is 17/],
    [{ model: 'gpt' }, /has the model "fake", not "gpt"/],
    [{ top_logprobs: 2 }, /needs logprobs/],
    [{ logprobs: false, top_logprobs: 2 }, /needs logprobs/],
    [{ max_tokens: 1, max_completion_tokens: 2 }, /mean the same and differ/],
    [{ response_format: { type: 'xml' } }, /text, json_object or json_schema/],
    [{ messages: 'Hi' }, /list of messages/],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, /Message 1 .*"image_url"/],
    [{ tools: [{ type: 'custom' }] }, /no tools of type "custom"/],
  ])('refuses %j', async (params, reason) => {
    const { chat } = new BambaEngine(new FakeEngine(endEvent()));
    await expect(chat.completions.create({ messages, ...params } as ChatCompletionParams)).rejects.toMatchObject({
      code: 'setting_invalid',
      message: expect.stringMatching(reason) as string,
    });
  });

  test('throws when it is aborted, and ends as it is when it is interrupted', async () => {
    const engine = new BambaEngine(new FakeEngine(textEvent('A'), textEvent('B'), endEvent()));
    const abort = new AbortController();
    const stream = await engine.chat.completions.create({ messages, stream: true }, { signal: abort.signal });
    await expect(
      (async () => {
        for await (const _ of stream) abort.abort();
      })(),
    ).rejects.toMatchObject({ code: 'aborted' });
    await expect(engine.chat.completions.create({ messages, abortSignal: abort.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    let text = '';
    for await (const { choices } of await engine.chat.completions.create({ messages, stream: true })) {
      text += choices[0]?.delta.content ?? '';
      engine.interruptGenerate();
      if (choices[0]?.finish_reason) expect(choices[0].finish_reason).toBe('stop');
    }
    expect(text).toBe('A');
    // No further answers are begun.
    const several: (number | undefined)[] = [];
    for await (const { choices } of await engine.chat.completions.create({ messages, stream: true, n: 3 })) {
      several.push(choices[0]?.index);
      engine.interruptGenerate();
    }
    expect(several).toEqual([0, 0]);
  });

  test('interrupts the answer that is written, not those that wait, and says who does not wait', async () => {
    const fake = new FakeEngine(textEvent('A'), endEvent());
    const generate = vi.spyOn(fake, 'generate');
    const engine = new BambaEngine(fake);
    const running = engine.generate({ messages });
    await running.next();
    const behind = engine.generate({ messages });
    await behind.next();
    engine.interruptGenerate();
    expect((await running.next()).value).toMatchObject({ type: 'end', finishReason: 'abort' });
    expect((await behind.next()).value).toMatchObject({ type: 'text', text: 'A' });
    await engine.chat.completions.create({ messages, n: 2 }, { queue: false });
    expect(generate.mock.calls.map(([, options]) => options?.queue)).toEqual([undefined, undefined, false, undefined]);
  });
});

test('tunes the engine', async () => {
  const progress: TuningProgress[] = [];
  const fake = new FakeEngine();
  const result = await new BambaEngine(fake).tune({ onProgress: (one) => progress.push(one) });
  expect(result).toEqual(await fake.tune());
  expect(progress).toEqual([{ trial: result.trials[0], done: 1, total: 1 }]);
});

test('completions.create and models.list', async () => {
  const fake = new FakeEngine(textEvent('A'), textEvent('B'), endEvent('length'));
  const { completions, models } = new BambaEngine(fake);
  const answer = await completions.create({ prompt: [1, 2], max_tokens: 2 });
  expect(answer).toMatchObject({
    object: 'text_completion',
    choices: [{ text: 'AB', finish_reason: 'length', index: 0 }],
  });
  expect(fake.requests[0]).toEqual({ prompt: [1, 2], maxTokens: 2 });
  const chunks = await all(await completions.create({ prompt: 'x', stream: true }));
  expect(chunks.map(({ choices }) => [choices[0]?.text, choices[0]?.finish_reason])).toEqual([
    ['A', null],
    ['B', null],
    ['', 'length'],
  ]);
  const counted = { prompt: 'x', stream: true, stream_options: { include_usage: true } } as const;
  const usages = (await all(await completions.create(counted))).map(({ usage }) => usage && usage.total_tokens);
  expect(usages).toEqual([null, null, null, 9]);
  expect((await models.list()).data).toMatchObject([{ id: 'fake', object: 'model' }]);
});

describe('code of the package `openai`', () => {
  test('puts our chunks together', async () => {
    const text = { ...textEvent('Lo', [1]), logprobs: [{ ...logprob('Lo'), top: [] }] };
    const { chat } = new BambaEngine(new FakeEngine(text, { type: 'toolCall', call }, endEvent()));
    const stream = await chat.completions.create({
      messages,
      stream: true,
      logprobs: true,
      stream_options: { include_usage: true },
    });
    const lines = new ReadableStream<Uint8Array>({
      async start(controller) {
        for await (const chunk of stream) controller.enqueue(new TextEncoder().encode(`${JSON.stringify(chunk)}\n`));
        controller.close();
      },
    });
    const answer = await ChatCompletionStream.fromReadableStream(lines).finalChatCompletion();
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [
        {
          finish_reason: 'tool_calls',
          logprobs: { content: [{ token: 'Lo' }] },
          message: { content: 'Lo', tool_calls: [{ id: 'abc', function: { name: 'f', arguments: '{"a":1}' } }] },
        },
      ],
      usage: { total_tokens: 9 },
    });
  });

  test('runs tools with our client in the place of its own', async () => {
    const fake = new FakeEngine({ type: 'toolCall', call }, endEvent());
    const called: unknown[] = [];
    const tools = [
      {
        type: 'function' as const,
        function: {
          name: 'f',
          description: 'F',
          parameters: { type: 'object', properties: { a: { type: 'integer' } } },
          parse: JSON.parse as (text: string) => object,
          function: (given: object) => {
            called.push(given);
            return 'done';
          },
        },
      },
    ];
    const runner = ChatCompletionRunner.runTools(
      new BambaEngine(fake) as unknown as OpenAI,
      { model: 'fake', messages, tools },
      { maxChatCompletions: 2 },
    );
    await runner.done();
    expect(called).toEqual([{ a: 1 }, { a: 1 }]);
    expect(fake.requests[1]?.messages).toEqual([
      ...messages,
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', content: 'done', toolCallId: 'abc' },
    ]);
    expect(await runner.totalUsage()).toMatchObject({ total_tokens: 18 });
  });
});

test("the types of the package `openai` take our client's answers", () => {
  type Engine = BambaEngine['chat']['completions'];
  type Chat = Awaited<ReturnType<Engine['create']>>;
  expectTypeOf<Extract<Chat, { object: string }>>().toExtend<OpenAI.ChatCompletion>();
  type Chunk = Exclude<Chat, { object: string }> extends AsyncIterable<infer Item> ? Item : never;
  expectTypeOf<Chunk>().toExtend<OpenAI.ChatCompletionChunk>();
  type Text = Awaited<ReturnType<BambaEngine['completions']['create']>>;
  expectTypeOf<Extract<Text, { object: string }>>().toExtend<OpenAI.Completion>();
  expectTypeOf<Awaited<ReturnType<BambaEngine['models']['list']>>['data'][number]>().toExtend<OpenAI.Model>();
  // Each of its parameters is decided on.
  expectTypeOf<keyof OpenAI.ChatCompletionCreateParams>().toExtend<keyof ChatCompletionParams>();
  expectTypeOf<keyof OpenAI.CompletionCreateParams>().toExtend<keyof CompletionParams>();
  // And what is written against that package's types is taken.
  interface Client {
    chat: {
      completions: {
        create(params: OpenAI.ChatCompletionCreateParamsNonStreaming): Promise<OpenAI.ChatCompletion>;
        create(params: OpenAI.ChatCompletionCreateParamsStreaming): Promise<AsyncIterable<OpenAI.ChatCompletionChunk>>;
      };
    };
  }
  expectTypeOf<BambaEngine>().toExtend<Client>();
});
