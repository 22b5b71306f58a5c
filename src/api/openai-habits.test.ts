import { describe, expect, test } from 'vitest';
import type { ToolCall } from '../engine/protocol.ts';
import { endEvent, FakeEngine, textEvent } from '../testing/engines/fake-engine.ts';
import { BambaEngine } from './engine.ts';
import type { ChatCompletionParams, CompletionParams } from './openai-types.ts';

// Parameters that clients of OpenAI's API send with every request, whether or not they change anything.

const messages = [{ role: 'user' as const, content: 'Hi' }];
const call: ToolCall = { id: 'abc', name: 'f', arguments: '{"a":1}' };

describe('chat.completions.create', () => {
  const tools = [{ type: 'function', function: { name: 'f' } }];
  test.each([
    [{ user: 'u', safety_identifier: 's', prompt_cache_key: 'k', prompt_cache_retention: '24h' }, {}],
    [{ store: true, metadata: { run: '1' }, service_tier: 'flex', prediction: { type: 'content', content: 'A' } }, {}],
    [{ reasoning_effort: 'none', verbosity: 'medium', modalities: ['text'], parallel_tool_calls: true }, {}],
    [{ parallel_tool_calls: false, functions: [], function_call: 'none' }, {}],
    [{ stop: '' }, { stop: [] }],
    [{ stop: ['', 'b'] }, { stop: ['b'] }],
    [{ seed: -1 }, { seed: 2 ** 32 - 1 }],
    [{ seed: 2 ** 40 + 3 }, { seed: 3 }],
    [{ max_tokens: 5, max_completion_tokens: 5 }, { maxTokens: 5 }],
    [{ max_tokens: 0 }, { maxTokens: 0 }],
    [{ logprobs: false, top_logprobs: 0 }, {}],
    [{ stream_options: { include_usage: true, include_obfuscation: false } }, {}],
  ])('takes what clients send, as %j', async (params, told) => {
    const fake = new FakeEngine(textEvent('A'), endEvent());
    const answer = await new BambaEngine(fake).chat.completions.create({ messages, ...params } as ChatCompletionParams);
    expect(answer).toMatchObject({ object: 'chat.completion', usage: { total_tokens: 9 } });
    expect(fake.requests).toEqual([{ messages, ...told }]);
  });

  test('calls the named tool once, where calls may not be parallel', async () => {
    const fake = new FakeEngine({ type: 'toolCall', call }, endEvent());
    const choice = { type: 'function', function: { name: 'f' } };
    const params = { messages, tools, tool_choice: choice, parallel_tool_calls: false } as ChatCompletionParams;
    await new BambaEngine(fake).chat.completions.create(params);
    expect(fake.requests[0]).toMatchObject({ toolChoice: { name: 'f' } });
  });

  test('tells the model what the assistant said instead of an answer', async () => {
    const fake = new FakeEngine(endEvent());
    const refused = [
      { role: 'assistant' as const, content: [{ type: 'refusal', refusal: 'No.' }] },
      {
        role: 'assistant' as const,
        content: null,
        refusal: 'Never.',
        audio: null,
        function_call: null,
        annotations: [],
      },
    ];
    await new BambaEngine(fake).chat.completions.create({ messages: [...refused, ...messages] });
    expect(fake.requests[0]?.messages?.map(({ content }) => content)).toEqual(['No.', 'Never.', 'Hi']);
  });
});

test.each([
  [{ prompt: ['a'], echo: false, suffix: '', best_of: 1, user: 'u' }, { prompt: 'a' }],
  [{ prompt: [[1, 2]], suffix: null, stop: null }, { prompt: [1, 2] }],
])('completions.create takes what clients send, as %j', async (params, told) => {
  const fake = new FakeEngine(textEvent('A'), endEvent());
  await new BambaEngine(fake).completions.create(params as CompletionParams);
  expect(fake.requests).toEqual([told]);
});

test.each([
  [{ prompt: null }, /prompt is missing/],
  [{ echo: 'yes' }, /echo takes true or false/],
  [{ suffix: 'z' }, /only continue a text/],
  [{ best_of: 3 }, /takes the value of n/],
  [{ store: false }, /takes no parameter "store"/],
])('completions.create refuses %j', async (params, reason) => {
  const { completions } = new BambaEngine(new FakeEngine(endEvent()));
  await expect(completions.create({ prompt: 'x', ...params } as CompletionParams)).rejects.toMatchObject({
    code: 'setting_invalid',
    message: expect.stringMatching(reason) as string,
  });
});
