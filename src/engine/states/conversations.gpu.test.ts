import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { expectReferenceAnswer, GREEDY } from '../../testing/models/reference-answer.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { NO_SPECIAL, packTinyModel, spell, tinyPrompt } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import type { ChatMessage } from '../protocol.ts';

// However an answer ended, the next one is that of the reference in f64, which has seen nothing but its own messages.

describe.skipIf(!hasAdapter)('what a conversation keeps', () => {
  const gpu = { gpu: sharedGpu() };
  let engine: LocalEngine;

  beforeAll(async () => {
    engine = await LocalEngine.load(await packTinyModel(), { gpu });
  });
  afterAll(() => engine?.dispose());

  /** A penalty keeps the tiny model from repeating one token, which would hide a wrong state. */
  const PENALTY = { repetitionPenalty: 1.5 };
  const SETTINGS = { ...PENALTY, maxTokens: 6, logitBias: NO_SPECIAL };

  /** Asks, and holds the answer to the reference. */
  async function answer(messages: ChatMessage[], cachedTokens?: number): Promise<Answer> {
    const given = await take(engine, { messages, ...SETTINGS });
    const promptIds = tinyPrompt(messages);
    expect(given.usage.promptTokens).toBe(promptIds.length);
    expect(given.ids).toHaveLength(6);
    await expectReferenceAnswer(promptIds, given.ids, { ...GREEDY, ...PENALTY });
    if (cachedTokens !== undefined) expect(given.usage.cachedTokens).toBe(cachedTokens);
    return given;
  }

  test('follow-up questions process only what is new', async () => {
    const contents = ['First question'];
    let kept = 0;
    for (const question of ['And the second?', 'A third one!', 'Last.']) {
      const { text, usage } = await answer(chatOf(...contents), kept);
      // All but the last token of the answer, which was never fed.
      kept = usage.promptTokens + usage.completionTokens - 1;
      contents.push(text, question);
    }
  });

  /** A prompt without the header of the answer, before which its state is kept. */
  const beforeHeader = ({ usage }: Answer) => usage.promptTokens - 'assistant: '.length;

  test('the same question again processes the header of the answer alone', async () => {
    const messages = chatOf('Once and again');
    const first = await answer(messages);
    const again = await answer(messages, beforeHeader(first));
    expect(again.processed).toEqual([beforeHeader(first), first.usage.promptTokens]);
    expect(again.ids).toEqual(first.ids);
  });

  test('the same text again processes nothing', async () => {
    const request = { prompt: 'A text that is gone on with', ...SETTINGS };
    const first = await take(engine, request);
    await take(engine, { prompt: 'Another text', ...SETTINGS });
    const again = await take(engine, request);
    expect(again.processed).toEqual([first.usage.promptTokens]);
    expect(again.ids).toEqual(first.ids);
  });

  test('another wording of the last question goes on from the last answer but one', async () => {
    const opening = await answer(chatOf('An opening'));
    const kept = beforeHeader(opening);
    const wrong = await answer(chatOf('An opening', opening.text, 'A question with a typo'));
    expect(wrong.usage.cachedTokens).toBeGreaterThan(kept);
    const { usage } = await answer(chatOf('An opening', opening.text, 'A question as meant'));
    expect(usage.cachedTokens).toBeGreaterThanOrEqual(kept);
  });

  test('another wording of the first question starts over', async () => {
    const { text } = await answer(chatOf('Where it began'));
    await answer(chatOf('Where it began', text, 'And then?'));
    await answer(chatOf('Elsewhere', text, 'And then?'), 0);
  });

  test('an answer that was cut off goes on as if it had not been', async () => {
    const messages = chatOf('Go on, please');
    const whole = await take(engine, { messages, ...SETTINGS });
    const cut = await take(engine, { messages, ...SETTINGS, maxTokens: 4 });
    const begun: ChatMessage[] = [...messages, { role: 'assistant', content: cut.text }];
    const rest = await take(engine, { messages: begun, continueLast: true, ...SETTINGS, maxTokens: 2 });
    expect(cut.text + rest.text).toBe(whole.text);
    expect(rest.ids).toEqual(whole.ids.slice(4));
    // What was written is not read again, but for the last token, which was never fed.
    const { promptTokens, cachedTokens } = rest.usage;
    expect(promptTokens).toBe(whole.usage.promptTokens + 4);
    expect(cachedTokens).toBe(promptTokens - 1);
  });

  test('two chats in turns', async () => {
    const left = ['To the left'];
    const right = ['Quite right'];
    for (const question of ['On?', 'And on?']) {
      for (const chat of [left, right]) {
        const { text } = await answer(chatOf(...chat));
        chat.push(text, question);
      }
    }
  });

  test.each([1, 2, 6])('an abort after %i tokens', async (tokens) => {
    const question = `Abort me after ${tokens}`;
    // Steps run ahead of what is seen: the limit is far behind them, or a fast GPU would reach it first.
    const request = { messages: chatOf(question), ...SETTINGS, maxTokens: 400 };
    const cut = await take(engine, request, (sofar) => sofar >= tokens);
    expect(cut.finishReason).toBe('abort');
    expect(cut.ids.length).toBeGreaterThanOrEqual(tokens);
    expect(cut.text).toBe(cut.ids.map(spell).join(''));
    await answer(chatOf(question, cut.text, 'Something else now'));
    const whole = await answer(chatOf(question), beforeHeader(cut));
    expect(cut.ids.slice(0, 6)).toEqual(whole.ids.slice(0, cut.ids.length));
    await answer(chatOf(`A new chat ${tokens}`), 0);
  });

  test('an abort before the prompt is processed, and in the middle of it', async () => {
    const text = Array.from({ length: 1300 }, (_, index) => 'abcdefg'[(index * index) % 7]).join('');
    const ask = async (abort: AbortController, onChunk = () => {}) => {
      const events = [];
      for await (const event of engine.generate({ prompt: text, ...SETTINGS }, { signal: abort.signal })) {
        events.push(event);
        if (event.type === 'prefill' && event.processed > 0) onChunk();
      }
      expect(events.at(-1)).toMatchObject({ type: 'end', finishReason: 'abort', usage: { completionTokens: 0 } });
      expect(events.some(({ type }) => type === 'text')).toBe(false);
    };
    const before = new AbortController();
    before.abort();
    await ask(before);
    const middle = new AbortController();
    await ask(middle, () => middle.abort());

    // Of the first chunks, those that were through are kept; two more may have been under way.
    const shorter = text.slice(0, 3 * 256 + 5);
    const { ids, usage } = await take(engine, { prompt: shorter, ...SETTINGS });
    expect([256, 512, 768]).toContain(usage.cachedTokens);
    // So long a prompt takes the reference half a minute.
    const unspoilt = await LocalEngine.load(await packTinyModel(), { gpu });
    try {
      expect(ids).toEqual((await take(unspoilt, { prompt: shorter, ...SETTINGS })).ids);
    } finally {
      unspoilt.dispose();
    }
  });

  test.each(['prefill', 'text'] as const)('a loop that is left at the first %s event', async (type) => {
    const messages = chatOf(`Leave at ${type}`);
    for await (const event of engine.generate({ messages, ...SETTINGS })) if (event.type === type) break;
    await answer(messages);
    await answer(chatOf(`Then, after ${type}, something else`), 0);
  });

  test('a stop string', async () => {
    const question = 'Stop at a string';
    const whole = await answer(chatOf(question));
    const [, , third, fourth] = whole.ids.map(spell);
    const stop = third! + fourth!.slice(0, 1);
    const cut = await take(engine, { messages: chatOf(question), ...SETTINGS, stop });
    expect(cut.finishReason).toBe('stop');
    expect(whole.text.startsWith(cut.text + stop)).toBe(true);
    await answer(chatOf(question, cut.text, 'Go on'));
    await answer(chatOf(question), beforeHeader(whole));
  });

  test('the limit of tokens', async () => {
    const question = 'As much as that';
    const cut = await take(engine, { messages: chatOf(question), ...SETTINGS, maxTokens: 3 });
    expect(cut.finishReason).toBe('length');
    expect(cut.ids).toHaveLength(3);
    const { ids } = await answer(chatOf(question), beforeHeader(cut));
    expect(ids.slice(0, 3)).toEqual(cut.ids);
    await answer(chatOf(question, cut.text, 'More'));
  });

  test('one token alone', async () => {
    const single = await take(engine, { messages: chatOf('A word'), ...SETTINGS, maxTokens: 1 });
    expect(single.ids).toHaveLength(1);
    expect(single.usage.decodeTokensPerS).toBe(0);
    await answer(chatOf('A word'), beforeHeader(single));
  });
});
