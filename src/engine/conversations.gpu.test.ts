import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, chatOf, take } from '../testing/answer.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { packTinyModel, spell } from '../testing/tiny-model.ts';
import { LocalEngine } from './local-engine.ts';
import type { ChatMessage } from './protocol.ts';

// However an answer ended, the next one is what an engine that has seen nothing gives to the same messages.

describe.skipIf(!hasAdapter)('what a conversation keeps', () => {
  let engine: LocalEngine;
  let fresh: LocalEngine;

  beforeAll(async () => {
    engine = await LocalEngine.load(await packTinyModel());
    fresh = await LocalEngine.load(await packTinyModel());
  });
  afterAll(() => {
    engine?.dispose();
    fresh?.dispose();
  });

  /** A penalty keeps the tiny model from repeating one token, which would hide a wrong state. */
  const SETTINGS = { maxTokens: 14, repetitionPenalty: 1.5 };
  const answer = (messages: ChatMessage[]) => take(engine, { messages, ...SETTINGS });

  /** Expects that the engine answers as `fresh` does, which first forgets whatever it had. */
  async function expectAsFresh(messages: ChatMessage[], cachedTokens?: number): Promise<Answer> {
    const forgetful = await take(fresh, { prompt: `forget ${Math.random()}`, maxTokens: 1 });
    expect(forgetful.ids).toHaveLength(1);
    const expected = await take(fresh, { messages, ...SETTINGS });
    const actual = await answer(messages);
    expect(expected.usage.cachedTokens).toBe(0);
    expect(actual.ids).toEqual(expected.ids);
    expect(actual.text).toBe(expected.text);
    if (cachedTokens !== undefined) expect(actual.usage.cachedTokens).toBe(cachedTokens);
    return actual;
  }

  test('follow-up questions process only what is new', async () => {
    const contents = ['First question'];
    let kept = 0;
    for (const question of ['And the second?', 'A third one!', 'Last.']) {
      const { text, usage } = await expectAsFresh(chatOf(...contents), kept);
      // All but the last token of the answer, which was never fed.
      kept = usage.promptTokens + usage.completionTokens - 1;
      contents.push(text, question);
    }
  });

  test('the same question again processes nothing', async () => {
    const messages = chatOf('Once and again');
    const first = await answer(messages);
    const again = await expectAsFresh(messages, first.usage.promptTokens);
    expect(again.processed).toEqual([first.usage.promptTokens]);
    expect(again.ids).toEqual(first.ids);
  });

  test('another wording of the last question goes on from the last answer but one', async () => {
    const opening = await answer(chatOf('An opening'));
    const kept = opening.usage.promptTokens;
    const wrong = await answer(chatOf('An opening', opening.text, 'A question with a typo'));
    expect(wrong.usage.cachedTokens).toBeGreaterThan(kept);
    const { usage } = await expectAsFresh(chatOf('An opening', opening.text, 'A question as meant'));
    expect(usage.cachedTokens).toBeGreaterThanOrEqual(kept);
  });

  test('another wording of the first question starts over', async () => {
    const { text } = await answer(chatOf('Where it began'));
    await answer(chatOf('Where it began', text, 'And then?'));
    await expectAsFresh(chatOf('Elsewhere', text, 'And then?'), 0);
  });

  test('two chats in turns', async () => {
    const left = ['To the left'];
    const right = ['Quite right'];
    for (const question of ['On?', 'And on?']) {
      for (const chat of [left, right]) {
        const { text } = await expectAsFresh(chatOf(...chat));
        chat.push(text, question);
      }
    }
  });

  test.each([1, 2, 5, 9])('an abort after %i tokens', async (tokens) => {
    const question = `Abort me after ${tokens}`;
    const whole = await take(fresh, { messages: chatOf(question), ...SETTINGS });
    const cut = await take(engine, { messages: chatOf(question), ...SETTINGS }, (sofar) => sofar >= tokens);
    expect(cut.finishReason).toBe('abort');
    expect(cut.ids.length).toBeGreaterThanOrEqual(tokens);
    expect(cut.ids).toEqual(whole.ids.slice(0, cut.ids.length));
    expect(cut.text).toBe(cut.ids.map(spell).join(''));
    await expectAsFresh(chatOf(question, cut.text, 'Something else now'));
    await expectAsFresh(chatOf(question));
    await expectAsFresh(chatOf('A new chat'), 0);
  });

  test('an abort before the prompt is processed, and in the middle of it', async () => {
    const messages = chatOf('long '.repeat(160));
    const controller = new AbortController();
    controller.abort();
    const events = [];
    for await (const event of engine.generate({ messages, ...SETTINGS }, { signal: controller.signal })) {
      events.push(event);
    }
    expect(events.at(-1)).toMatchObject({ type: 'end', finishReason: 'abort', usage: { completionTokens: 0 } });
    expect(events.some(({ type }) => type === 'text')).toBe(false);

    const middle = new AbortController();
    let reason = '';
    let processed = 0;
    for await (const event of engine.generate({ messages, ...SETTINGS }, { signal: middle.signal })) {
      if (event.type === 'prefill' && event.processed > 0) {
        processed = Math.max(processed, event.processed);
        middle.abort();
      }
      if (event.type === 'end') reason = event.finishReason;
    }
    expect(reason).toBe('abort');
    expect(processed).toBeLessThan(800);
    const { usage } = await expectAsFresh(messages);
    expect(usage.cachedTokens % 256).toBe(0); // the chunks that had been through
  });

  test.each(['prefill', 'text'] as const)('a loop that is left at the first %s event', async (type) => {
    const messages = chatOf(`Leave at ${type}`);
    for await (const event of engine.generate({ messages, ...SETTINGS })) if (event.type === type) break;
    await expectAsFresh(messages);
    await expectAsFresh(chatOf('Then something else'), 0);
  });

  test('a stop string', async () => {
    const question = 'Stop at a string';
    const whole = await take(fresh, { messages: chatOf(question), ...SETTINGS });
    const [, , third, fourth] = whole.ids.map(spell);
    const stop = third! + fourth!.slice(0, 1);
    const cut = await take(engine, { messages: chatOf(question), ...SETTINGS, stop });
    expect(cut.finishReason).toBe('stop');
    expect(whole.text.startsWith(cut.text + stop)).toBe(true);
    await expectAsFresh(chatOf(question, cut.text, 'Go on'));
    await expectAsFresh(chatOf(question));
  });

  test('the limit of tokens', async () => {
    const question = 'As much as that';
    const cut = await take(engine, { messages: chatOf(question), ...SETTINGS, maxTokens: 3 });
    expect(cut.finishReason).toBe('length');
    expect(cut.ids).toHaveLength(3);
    const { ids } = await expectAsFresh(chatOf(question), cut.usage.promptTokens);
    expect(ids.slice(0, 3)).toEqual(cut.ids);
    await expectAsFresh(chatOf(question, cut.text, 'More'));
  });

  test('one token alone', async () => {
    const single = await take(engine, { messages: chatOf('A word'), ...SETTINGS, maxTokens: 1 });
    expect(single.ids).toHaveLength(1);
    expect(single.usage.decodeTokensPerS).toBe(0);
    await expectAsFresh(chatOf('A word'), single.usage.promptTokens);
  });
});
