import type { LanguageModelV3 } from '@ai-sdk/provider';
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { GenerationEvent, GenerationRequest } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { endEvent, FakeEngine, textEvent } from '../testing/engines/fake-engine.ts';
import { bambaModel } from './ai-sdk.ts';

/** An engine that breaks after its events. */
class BrokenEngine extends FakeEngine {
  readonly #error: Error;

  constructor(error: Error, ...events: GenerationEvent[]) {
    super(...events);
    this.#error = error;
  }

  override async *generate(request: GenerationRequest): AsyncGenerator<GenerationEvent, void> {
    yield* super.generate(request);
    throw this.#error;
  }
}

const call: GenerationEvent = { type: 'toolCall', call: { id: 'c1', name: 'add', arguments: '{"a":1}' } };

describe('a model for the AI SDK', () => {
  test('generates text', async () => {
    const fake = new FakeEngine(textEvent('An '), textEvent('apple.'), endEvent());
    const { text, finishReason, usage, warnings } = await generateText({
      model: bambaModel(fake),
      system: 'Be brief.',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'What?' }] }],
      maxOutputTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      seed: 1,
      stopSequences: ['x'],
    });
    expect({ text, finishReason, warnings }).toEqual({ text: 'An apple.', finishReason: 'stop', warnings: [] });
    expect(usage).toMatchObject({
      inputTokens: 7,
      outputTokens: 2,
      inputTokenDetails: { cacheReadTokens: 3, noCacheTokens: 4 },
    });
    expect(fake.requests).toEqual([
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'What?' },
        ],
        maxTokens: 9,
        temperature: 0.5,
        topP: 0.9,
        topK: 3,
        seed: 1,
        stop: ['x'],
      },
    ]);
  });

  test('streams text, and stops where the reader leaves', async () => {
    const model = bambaModel(new FakeEngine(textEvent('An '), textEvent('apple.'), endEvent('length')));
    const result = streamText({ model, prompt: 'What?' });
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);
    expect(pieces).toEqual(['An ', 'apple.']);
    expect(await result.finishReason).toBe('length');
    const { stream } = await model.doStream({ prompt: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] });
    await stream.cancel();
  });

  test('calls tools, and goes on from what they say', async () => {
    const fake = new FakeEngine(textEvent('Adding.'), call, endEvent());
    const tools = {
      add: tool({
        description: 'Adds.',
        inputSchema: jsonSchema<{ a: number }>({ type: 'object', properties: { a: { type: 'integer' } } }),
        execute: async ({ a }) => a + 1,
      }),
    };
    const { steps } = await generateText({
      model: bambaModel(fake),
      prompt: 'Add.',
      tools,
      toolChoice: 'required',
      stopWhen: stepCountIs(2),
    });
    expect(steps[0]?.finishReason).toBe('tool-calls');
    expect(steps[0]?.toolResults).toMatchObject([{ toolName: 'add', input: { a: 1 }, output: 2 }]);
    expect(fake.requests[0]).toMatchObject({ toolChoice: 'required', tools: [{ name: 'add', description: 'Adds.' }] });
    expect(fake.requests[1]?.messages).toEqual([
      { role: 'user', content: 'Add.' },
      { role: 'assistant', content: 'Adding.', toolCalls: [{ id: 'c1', name: 'add', arguments: '{"a":1}' }] },
      { role: 'tool', content: '2', toolCallId: 'c1', name: 'add' },
    ]);
    const streamed = streamText({ model: bambaModel(fake), prompt: 'Add.', tools });
    expect(await streamed.toolCalls).toMatchObject([{ toolName: 'add', input: { a: 1 } }]);
    expect(await streamed.text).toBe('Adding.');
  });

  test('answers in JSON', async () => {
    const fake = new FakeEngine(textEvent('{"ok": true}'), endEvent());
    const schema = jsonSchema<{ ok: boolean }>({ type: 'object', properties: { ok: { type: 'boolean' } } });
    const { output } = await generateText({
      model: bambaModel(fake),
      prompt: 'Say.',
      output: Output.object({ schema }),
    });
    expect(output).toEqual({ ok: true });
    expect(fake.requests[0]?.json).toMatchObject({ schema: { properties: { ok: { type: 'boolean' } } } });
  });

  test('warns of what it cannot do', async () => {
    const model = bambaModel(new FakeEngine(endEvent()));
    const { warnings } = await model.doGenerate({
      prompt: [{ role: 'user', content: [{ type: 'file', mediaType: 'image/png', data: 'AA==' }] }],
      tools: [{ type: 'provider', id: 'x.search', name: 'search', args: {} }],
      includeRawChunks: true,
    });
    expect(warnings.map((warning) => ('feature' in warning ? warning.feature : ''))).toEqual([
      'tool search',
      'includeRawChunks',
      'file in a message',
    ]);
  });

  test.each([
    ['before the first token', [], ''],
    ['in the middle', [textEvent('Hel')], 'Hel'],
  ])('makes an error %s a part of the stream', async (_, events, text) => {
    const broken = new BambaError('device_lost', 'The GPU was taken away.');
    const model = () => bambaModel(new BrokenEngine(broken, ...events));
    const errors: unknown[] = [];
    const result = streamText({
      model: model(),
      prompt: 'x',
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    const parts = [];
    for await (const part of result.fullStream) parts.push(part);
    expect(errors).toEqual([broken]);
    expect(parts).toContainEqual({ type: 'error', error: broken });
    expect(parts.flatMap((part) => (part.type === 'text-delta' ? part.text : [])).join('')).toBe(text);
    expect(parts.filter(({ type }) => type === 'text-start').length).toBe(
      parts.filter(({ type }) => type === 'text-end').length,
    );
    expect(await result.finishReason).toBe('error');
    const shown = streamText({ model: model(), prompt: 'x', maxRetries: 0, onError: () => {} });
    const chunks = [];
    for await (const chunk of shown.toUIMessageStream({ onError: () => 'Broken.' })) chunks.push(chunk);
    expect(chunks).toContainEqual({ type: 'error', errorText: 'Broken.' });
    await expect(generateText({ model: model(), prompt: 'x', maxRetries: 0 })).rejects.toThrow(broken);
  });

  test('ends a stream that is aborted with the abort, not with an error', async () => {
    const abort = new AbortController();
    const model = bambaModel(new FakeEngine(textEvent('A'), textEvent('B'), endEvent()));
    const errors: unknown[] = [];
    const { fullStream } = streamText({
      model,
      prompt: 'x',
      abortSignal: abort.signal,
      onError: (one) => void errors.push(one),
    });
    const types: string[] = [];
    for await (const { type } of fullStream) {
      types.push(type);
      if (type === 'text-delta') abort.abort();
    }
    expect(types.at(-1)).toBe('abort');
    expect([types.includes('error'), errors]).toEqual([false, []]);
  });

  test('throws when it is aborted', async () => {
    const abort = new AbortController();
    const model = bambaModel(new FakeEngine(textEvent('A'), endEvent()));
    abort.abort();
    await expect(generateText({ model, prompt: 'x', abortSignal: abort.signal, maxRetries: 0 })).rejects.toThrow(
      /abort/i,
    );
  });

  test('is of the type that the provider package has', () => {
    expectTypeOf(bambaModel).returns.toExtend<LanguageModelV3>();
  });
});
