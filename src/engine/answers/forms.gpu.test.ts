import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { violation } from '../../testing/json-schema.ts';
import { referenceLogprobs } from '../../testing/models/reference-answer.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { asciiIds, NO_SPECIAL, packTinyModel, TOOL_TEMPLATE } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import type { Tool } from '../protocol.ts';

// Answers of a given form, from a model of random weights that has never seen JSON, through the masks on the GPU.

const TOOLS: Tool[] = [
  {
    name: 'add',
    description: 'Adds.',
    parameters: {
      type: 'object',
      properties: { a: { type: 'integer', minimum: 0, maximum: 99 }, b: { enum: [1, 2] } },
      required: ['a', 'b'],
    },
  },
  { name: 'now' },
];

describe.skipIf(!hasAdapter)('an answer of a form', () => {
  let engine: LocalEngine;

  beforeAll(async () => {
    engine = await LocalEngine.load(await packTinyModel({ template: TOOL_TEMPLATE }), { gpu: { gpu: sharedGpu() } });
  });
  afterAll(() => engine?.dispose());

  const schemas = [
    {
      type: 'object',
      properties: { ok: { type: 'boolean' }, count: { type: 'integer', minimum: 3, maximum: 17 } },
      required: ['ok', 'count'],
    },
    { type: 'array', items: { type: 'string', minLength: 1, maxLength: 3 }, minItems: 2, maxItems: 3 },
    { anyOf: [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, { enum: ['red', 'green'] }] },
  ];
  test.each(schemas)('is valid: %j', async (schema) => {
    const request = { messages: chatOf('Say.'), json: { schema }, maxTokens: 150, temperature: 2, seed: 3 };
    const { text, finishReason } = await take(engine, request);
    expect(violation(JSON.parse(text), schema), text).toBeNull();
    expect(finishReason).toBe('stop');
  });

  test('is an object where only JSON is asked for, and the next one is free again', async () => {
    // The bias closes strings and objects: random weights would write on.
    const logitBias = Object.fromEntries(asciiIds('"}').map((id) => [id, 20]));
    const { text } = await take(engine, { prompt: 'Say: ', json: {}, maxTokens: 200, logitBias });
    expect(text).toMatch(/^\{/);
    expect(JSON.parse(text)).toBeTypeOf('object');
    const free = await take(engine, { prompt: 'Say: ', maxTokens: 8, logitBias: NO_SPECIAL });
    expect(free.text).not.toMatch(/^\{"/);
  });

  test('calls the tool that it has to, and goes on from what the tool says', async () => {
    const messages = chatOf('Add.');
    const { calls, text, finishReason } = await take(engine, {
      messages,
      tools: TOOLS,
      toolChoice: { name: 'add' },
      maxTokens: 150,
    });
    expect({ text, finishReason, names: calls.map(({ name }) => name) }).toEqual({
      text: '',
      finishReason: 'stop',
      names: ['add'],
    });
    expect(violation(JSON.parse(calls[0]!.arguments), TOOLS[0]!.parameters as Record<string, unknown>)).toBeNull();
    expect(calls[0]!.id).toMatch(/^[0-9a-z]{9}$/);
    const next = await take(engine, {
      messages: [
        ...messages,
        { role: 'assistant', content: '', toolCalls: calls },
        { role: 'tool', content: '3', toolCallId: calls[0]!.id, name: 'add' },
      ],
      tools: TOOLS,
      maxTokens: 2,
      logitBias: NO_SPECIAL,
    });
    // The call in the prompt is the very one that was generated: its tokens are in the kept state.
    expect(next.usage.cachedTokens).toBeGreaterThan(100);
  });

  test('has log-probabilities, of the logits as the model left them', async () => {
    const prompt = 'How likely?';
    const request = { prompt, maxTokens: 6, logitBias: NO_SPECIAL, repetitionPenalty: 1.4 };
    const { ids, logprobs, text } = await take(engine, { ...request, logprobs: 3 });
    expect((await take(engine, request)).ids).toEqual(ids);
    expect(logprobs.map(({ id }) => id)).toEqual(ids);
    expect(logprobs.map(({ token }) => token).join('')).toBe(text);
    const expected = await referenceLogprobs(asciiIds(prompt), ids);
    for (const [place, { logprob, id, top, bytes, token }] of logprobs.entries()) {
      expect(Math.abs(logprob - expected[place]![id]!)).toBeLessThan(2e-3);
      expect(new TextDecoder().decode(Uint8Array.from(bytes!))).toBe(token);
      const likeliest = expected[place]!.map((value, one) => ({ one, value })).toSorted((a, b) => b.value - a.value);
      expect(top).toHaveLength(3);
      for (const [rank, one] of top.entries()) {
        expect(Math.abs(one.logprob - likeliest[rank]!.value)).toBeLessThan(2e-3);
        expect(Math.abs(one.logprob - expected[place]![one.id]!)).toBeLessThan(2e-3);
      }
    }
    expect((await take(engine, { ...request, logprobs: 0 })).logprobs.map(({ top }) => top)).toEqual(ids.map(() => []));
  });

  test('stops where it is aborted, and at a limit, with what it has', async () => {
    const json = { schema: { type: 'array', items: { const: 'a long constant' }, minItems: 9 } };
    const aborted = await take(engine, { prompt: 'Go: ', json }, (tokens) => tokens >= 20);
    expect(aborted).toMatchObject({ finishReason: 'abort', text: '["a long constant", '.slice(0, 20) });
    expect(await take(engine, { prompt: 'Go: ', json, maxTokens: 5 })).toMatchObject({
      finishReason: 'length',
      text: '["a l',
    });
  });
});
