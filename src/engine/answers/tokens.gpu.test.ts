import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { referenceLogprobs } from '../../testing/models/reference-answer.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { asciiIds, NO_SPECIAL, packTinyModel, TINY_EOS, tinyPrompt } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import type { GenerationEvent, GenerationRequest } from '../protocol.ts';

// What texts are to a model, and requests that only read.

describe.skipIf(!hasAdapter)('the engine', () => {
  let engine: LocalEngine;
  beforeAll(async () => {
    engine = await LocalEngine.load(await packTinyModel(), { gpu: { gpu: sharedGpu() }, precision: 'exact' });
  });
  afterAll(() => engine?.dispose());

  test('counts and names the tokens that a request has the model read', async () => {
    const messages = chatOf('Well?', 'Well.', 'And?');
    const { usage } = await take(engine, { messages, maxTokens: 0 });
    expect(await engine.tokenize(messages)).toEqual(tinyPrompt(messages));
    expect(await engine.countTokens(messages)).toBe(usage.promptTokens);
    expect(await engine.tokenize('An apple')).toEqual(asciiIds('An apple'));
    expect(await engine.countTokens('')).toBe(0);
    const tools = [{ name: 'now' }];
    expect(await engine.countTokens(messages, { tools })).toBeGreaterThanOrEqual(usage.promptTokens);
  });

  test('makes tokens into text, and text that was made into tokens into the same', async () => {
    expect(await engine.detokenize(asciiIds('An apple'))).toBe('An apple');
    const ids = [...asciiIds('a'), TINY_EOS, ...asciiIds('b')];
    expect(await engine.detokenize(ids)).toBe('a<eos>b');
    expect(await engine.detokenize(ids, { skipSpecialTokens: true })).toBe('ab');
    await expect(engine.detokenize([-1])).rejects.toMatchObject({ code: 'setting_invalid' });
    await expect(engine.tokenize([{ role: 'user' }] as never)).rejects.toMatchObject({ code: 'setting_invalid' });
  });

  test('leaves out what the tokenizer puts around a text, where it is asked to', async () => {
    expect(await engine.tokenize('<bos>An', { addSpecialTokens: false })).toEqual([1, ...asciiIds('An')]);
    await expect(engine.tokenize('An', { addSpecialTokens: 1 as never })).rejects.toMatchObject({
      code: 'setting_invalid',
    });
  });

  test('tells how likely each token of a prompt was, whatever of it is known', async () => {
    const prompt = 'How likely is all of this?';
    const ids = asciiIds(prompt);
    const expected = await referenceLogprobs(ids.slice(0, 1), ids.slice(1));
    const plain = await take(engine, { prompt, maxTokens: 3, logprobs: 1 });
    for (const request of [{ prompt }, { prompt: ids }, { prompt }]) {
      const events: GenerationEvent[] = [];
      for await (const event of engine.generate({ ...request, maxTokens: 3, promptLogprobs: 2, logprobs: 1 })) {
        events.push(event);
      }
      const told = events.filter((event) => event.type === 'prompt');
      expect(told).toHaveLength(1);
      const [{ text, logprobs }] = told as [GenerationEvent & { type: 'prompt' }];
      expect(text).toBe(prompt);
      expect(logprobs.map(({ id }) => id)).toEqual(ids);
      expect(logprobs[0]).toEqual({ id: ids[0], token: 'H', bytes: [72], logprob: null, top: [] });
      for (const [place, { id, logprob, top }] of logprobs.slice(1).entries()) {
        expect(Math.abs(logprob! - expected[place]![id]!)).toBeLessThan(1e-4);
        expect(top).toHaveLength(2);
        expect(top[0]!.logprob).toBeGreaterThanOrEqual(Math.max(logprob!, top[1]!.logprob));
        for (const one of top) expect(Math.abs(one.logprob - expected[place]![one.id]!)).toBeLessThan(1e-4);
      }
      // The answer is that of a prompt that was read the usual way.
      const answered = events.flatMap((event) => (event.type === 'text' ? event.ids : []));
      expect(answered).toEqual(plain.ids);
      expect(events.at(-1)).toMatchObject({ type: 'end', usage: { promptTokens: ids.length, cachedTokens: 0 } });
      const processed = events.flatMap((event) => (event.type === 'prefill' ? [event.processed] : []));
      expect(processed).toEqual(processed.toSorted((a, b) => a - b));
      expect(processed.at(-1)).toBe(ids.length);
    }
  });

  test('tells how likely the token was that ended an answer, and takes a prompt of one token', async () => {
    const events: GenerationEvent[] = [];
    const request = { prompt: asciiIds('H'), logitBias: { [TINY_EOS]: 100 }, promptLogprobs: 0, logprobs: 0 };
    for await (const event of engine.generate(request)) events.push(event);
    const [expected] = await referenceLogprobs(asciiIds('H'), [TINY_EOS]);
    expect(events.find(({ type }) => type === 'prompt')).toMatchObject({ logprobs: [{ token: 'H', logprob: null }] });
    const end = events.at(-1) as GenerationEvent & { type: 'end' };
    expect(end).toMatchObject({ finishReason: 'stop', logprob: { id: TINY_EOS, token: '<eos>', top: [] } });
    expect(Math.abs(end.logprob!.logprob - expected![TINY_EOS]!)).toBeLessThan(1e-4);
  });

  test('stops telling it when it is aborted', async () => {
    const signal = AbortSignal.abort();
    const types: string[] = [];
    for await (const { type } of engine.generate({ prompt: 'Well?', promptLogprobs: 0 }, { signal })) types.push(type);
    expect(types).not.toContain('prompt');
    expect(types.at(-1)).toBe('end');
    await expect(take(engine, { prompt: 'a', promptLogprobs: 21 })).rejects.toMatchObject({
      message: 'promptLogprobs is 21; give 0 to 20.',
    });
  });

  test('counts beside an answer, and ends counting when it is asked to', async () => {
    const counts: Promise<number>[] = [];
    const request: GenerationRequest = { messages: chatOf('Well?'), maxTokens: 4, logitBias: NO_SPECIAL };
    for await (const { type } of engine.generate(request)) if (type === 'text') counts.push(engine.countTokens('ab'));
    expect(counts.length).toBeGreaterThan(0);
    expect(await Promise.all(counts)).toEqual(counts.map(() => 2));
    const signal = AbortSignal.abort();
    await expect(engine.countTokens('word '.repeat(50_000), { signal })).rejects.toMatchObject({ code: 'aborted' });
  });

  test('reads a prompt and answers nothing: the next request waits for none of it', async () => {
    const messages = chatOf('Something new.');
    const read = await take(engine, { messages, maxTokens: 0 });
    const { length } = tinyPrompt(messages);
    expect(read).toMatchObject({
      text: '',
      ids: [],
      finishReason: 'length',
      usage: { promptTokens: length, cachedTokens: 0, completionTokens: 0, timeToFirstTokenS: 0 },
    });
    const asked = await take(engine, { messages, maxTokens: 3, logitBias: NO_SPECIAL });
    expect(asked.usage).toMatchObject({ promptTokens: length, cachedTokens: length });
    expect(asked.ids).toHaveLength(3);
  });

  test('reads a conversation ahead up to its last message, and goes on from there', async () => {
    const messages = chatOf('Read this ahead.', 'So it is.');
    const ahead = tinyPrompt(messages).slice(0, -'assistant: '.length);
    expect(await engine.tokenize(messages, { readAhead: true })).toEqual(ahead);
    await take(engine, { messages, readAhead: true });
    const { usage } = await take(engine, { messages: [...messages, ...chatOf('Well?')], maxTokens: 1 });
    expect(usage.cachedTokens).toBe(ahead.length);
  });

  test('goes on with an answer that was begun, as if it had written that itself', async () => {
    const whole = await take(engine, { messages: chatOf('Begin.'), maxTokens: 8, logitBias: NO_SPECIAL });
    const begun = await engine.detokenize(whole.ids.slice(0, 4));
    const messages = chatOf('Begin.', begun);
    const request: GenerationRequest = { messages, continueLast: true, maxTokens: 4, logitBias: NO_SPECIAL };
    expect((await take(engine, request)).ids).toEqual(whole.ids.slice(4, 8));
    // What looks like the end of a message in a text is text.
    const spelled = await engine.tokenize(chatOf('Begin.', 'a<eos>b'), { continueLast: true });
    expect(spelled).toEqual([...tinyPrompt(chatOf('Begin.')), ...asciiIds('a<eos>b')]);
  });

  test.each(['[a-c]{3}', 'yes|no', '(?:\\d{2}-){2}x', '\\w[^a-z]'])(
    'answers as the pattern %s has it',
    async (pattern) => {
      const request = { messages: chatOf('Say.'), pattern, maxTokens: 40, temperature: 2, seed: 5 };
      const { text, finishReason } = await take(engine, request);
      expect(text).toMatch(new RegExp(`^(?:${pattern})$`, 'u'));
      expect(finishReason).toBe('stop');
    },
  );

  test('names no token once it is disposed of', async () => {
    engine.dispose();
    await expect(engine.tokenize('a')).rejects.toMatchObject({ code: 'disposed' });
    await expect(engine.detokenize([1])).rejects.toMatchObject({ code: 'disposed' });
  });
});
