import { generateText, jsonSchema, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasAdapter } from '../testing/dawn.ts';
import { loadTinyEngine } from '../testing/engines/tiny-engine.ts';
import { bambaModel } from './ai-sdk.ts';
import { BambaEngine } from './engine.ts';

// The adapters on the engine itself, with a model of random weights.

describe.skipIf(!hasAdapter)('with a real engine', () => {
  let engine: BambaEngine;

  beforeAll(async () => {
    engine = new BambaEngine(await loadTinyEngine());
  });
  afterAll(() => engine?.dispose());

  test('the AI SDK generates and streams the same text, and gets a tool called', async () => {
    const model = bambaModel(engine);
    const asked = { model, prompt: 'Hi', maxOutputTokens: 4, temperature: 0 };
    const { text, usage } = await generateText(asked);
    expect(await streamText(asked).text).toBe(text);
    expect(usage.outputTokens).toBe(4);
    const inputSchema = jsonSchema({ type: 'object', properties: { on: { type: 'boolean' } }, required: ['on'] });
    const { toolCalls, finishReason } = await generateText({
      model,
      prompt: 'Hi',
      tools: { lamp: tool({ inputSchema }) },
      toolChoice: { type: 'tool', toolName: 'lamp' },
    });
    expect(toolCalls).toMatchObject([{ toolName: 'lamp', input: { on: expect.any(Boolean) as boolean } }]);
    expect(finishReason).toBe('tool-calls');
  });

  test("OpenAI's API answers by a schema, with log-probabilities", async () => {
    const { choices, usage } = await engine.chat.completions.create({
      messages: [{ role: 'user', content: 'Hi' }],
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { enum: ['a', 'b'] } } },
      logprobs: true,
      top_logprobs: 1,
    });
    expect(['"a"', '"b"']).toContain(choices[0]?.message.content);
    expect(choices[0]?.logprobs?.content.map(({ token }) => token).join('')).toBe(choices[0]?.message.content);
    expect(usage.completion_tokens).toBe(4); // with the one that ends it
  });
});
