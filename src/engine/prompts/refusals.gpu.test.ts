import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../errors.ts';
import { chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { packQuickModel } from '../../testing/models/quick-model.ts';
import { NO_SPECIAL, packTinyModel } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import type { GenerationRequest } from '../protocol.ts';

// What the engine refuses, and that it goes on as if nothing had been asked.

const CONTEXT = 64;

describe.skipIf(!hasAdapter)('the engine', () => {
  const gpu = { gpu: sharedGpu() };
  let engine: LocalEngine;
  const QUESTION: GenerationRequest = { messages: chatOf('Well?'), maxTokens: 3, logitBias: NO_SPECIAL };
  let expected: number[];

  beforeAll(async () => {
    engine = await LocalEngine.load(await packQuickModel(), { contextLength: CONTEXT, gpu });
    expected = (await take(engine, QUESTION)).ids;
  });
  afterAll(() => engine?.dispose());

  const refusal = (code: ErrorCode, message: RegExp) =>
    expect.objectContaining({ name: 'BambaError', code, message: expect.stringMatching(message) as string });

  const refused: [string, unknown, ErrorCode, RegExp][] = [
    ['NaN', { temperature: NaN }, 'setting_invalid', /temperature is NaN/],
    ['infinity', { topP: Infinity }, 'setting_invalid', /topP is Infinity/],
    ['a number below its range', { repetitionPenalty: 0 }, 'setting_invalid', /repetitionPenalty is 0/],
    ['a number above its range', { frequencyPenalty: 2.5 }, 'setting_invalid', /frequencyPenalty is 2.5/],
    ['a fraction for a count', { topK: 1.5 }, 'setting_invalid', /topK is 1.5/],
    ['text for a number', { minP: '0.1' }, 'setting_invalid', /minP is "0.1"/],
    ['a negative seed', { seed: -1 }, 'setting_invalid', /seed is -1/],
    ['a bias of no token', { logitBias: { 512: 1 } }, 'setting_invalid', /512/],
    ['a bias out of range', { logitBias: { 5: 101 } }, 'setting_invalid', /101/],
    ['less than no tokens', { maxTokens: -1 }, 'setting_invalid', /maxTokens is -1/],
    ['going on with a question', { continueLast: true }, 'setting_invalid', /the text of an assistant/],
    [
      'reading ahead of what is no chat',
      { messages: undefined, prompt: 'x', readAhead: true },
      'setting_invalid',
      /text/,
    ],
    [
      'reading a text ahead that goes on',
      { continueLast: true, readAhead: true },
      'setting_invalid',
      /does not go with/,
    ],
    ['a pattern that is none', { pattern: '(' }, 'setting_invalid', /The pattern cannot be used: "\(" is no/],
    ['a pattern beside JSON', { pattern: 'a', json: {} }, 'setting_invalid', /json and pattern/],
    ['a pattern that is no text', { pattern: /a/ }, 'setting_invalid', /pattern takes/],
    ['half a token', { maxTokens: 2.5 }, 'setting_invalid', /maxTokens is 2.5/],
    ['an unknown setting', { temprature: 1 }, 'setting_invalid', /temprature/],
    ['an empty stop string', { stop: '' }, 'setting_invalid', /stop string/],
    ['a stop that is no string', { stop: [1] }, 'setting_invalid', /stop/],
    ['no question at all', { messages: undefined }, 'setting_invalid', /messages or prompt/],
    ['two questions', { prompt: 'And this' }, 'setting_invalid', /messages or prompt/],
    ['no message', { messages: [] }, 'prompt_empty', /no question/],
    ['an empty message', { messages: chatOf(' \n') }, 'prompt_empty', /last message is empty/],
    ['an unknown role', { messages: [{ role: 'robot', content: 'Beep' }] }, 'setting_invalid', /Message 1/],
    ['a message without content', { messages: [{ role: 'user' }] }, 'setting_invalid', /Message 1/],
    ['an empty prompt', { messages: undefined, prompt: '' }, 'prompt_empty', /empty/],
    ['a prompt without a token', { messages: undefined, prompt: 'é' }, 'prompt_empty', /empty/],
    ['a prompt that fills the context', { messages: undefined, prompt: 'x'.repeat(CONTEXT) }, 'prompt_too_long', /64/],
    ['a long chat', { messages: chatOf('a', 'b'.repeat(90), 'c') }, 'prompt_too_long', /room for 64/],
  ];
  test.each(refused)('refuses %s', async (_, wrong, code, message) => {
    const request = { ...QUESTION, ...(wrong as object) };
    await expect(take(engine, request)).rejects.toThrow(refusal(code, message));
    expect((await take(engine, QUESTION)).ids).toEqual(expected);
  });

  test('answers a prompt that leaves room for one token', async () => {
    const { ids, finishReason } = await take(engine, { prompt: 'x'.repeat(CONTEXT - 1), logitBias: NO_SPECIAL });
    expect([ids.length, finishReason]).toEqual([1, 'length']);
  });

  test('ends an answer where the context is full, and answers again', async () => {
    const { ids, finishReason } = await take(engine, { prompt: 'y'.repeat(CONTEXT - 5), logitBias: NO_SPECIAL });
    expect([ids.length, finishReason]).toEqual([5, 'length']);
    expect((await take(engine, QUESTION)).ids).toEqual(expected);
  });

  test('refuses a second request that does not wait, and ends the first as if alone', async () => {
    const ids: number[] = [];
    let refusals = 0;
    for await (const event of engine.generate(QUESTION)) {
      const second = engine.generate({ prompt: 'Me too' }, { queue: false });
      await expect(second.next()).rejects.toThrow(refusal('busy', /Wait/));
      refusals++;
      if (event.type === 'text') ids.push(...event.ids);
    }
    expect(refusals).toBeGreaterThan(2);
    expect(ids).toEqual(expected);
  });

  test('answers requests that wait, in their order, each as if alone', async () => {
    const ends: string[] = [];
    const queueing = await LocalEngine.load(await packQuickModel(), {
      contextLength: CONTEXT,
      gpu,
      batch: { most: 1 },
    });
    const answer = async (name: string, request: GenerationRequest) => {
      const answered = await take(queueing, request);
      ends.push(name);
      return answered.ids;
    };
    const other = { prompt: 'Me too', maxTokens: 3, logitBias: NO_SPECIAL };
    const alone = (await take(engine, other)).ids;
    const controller = new AbortController();
    const first = answer('first', QUESTION);
    const second = answer('second', other);
    const takenBack = queueing.generate(QUESTION, { signal: controller.signal }).next();
    const third = answer('third', QUESTION);
    controller.abort();
    await expect(takenBack).rejects.toThrow(refusal('aborted', /taken back/));
    expect(await Promise.all([first, second, third])).toEqual([expected, alone, expected]);
    expect(ends).toEqual(['first', 'second', 'third']);
    queueing.dispose();
  });

  test('that was disposed says so, also in mid-answer, and to whoever waits', async () => {
    const gone = await LocalEngine.load(await packQuickModel());
    const events = gone.generate({ prompt: 'Long', maxTokens: 200, logitBias: NO_SPECIAL });
    for await (const event of events) if (event.type === 'text') break;
    const running = gone.generate({ prompt: 'Long', maxTokens: 200, logitBias: NO_SPECIAL });
    await running.next();
    const waiting = take(gone, { prompt: 'And me?' });
    waiting.catch(() => {});
    gone.dispose();
    gone.dispose();
    await expect(waiting).rejects.toThrow(refusal('disposed', /disposed/));
    const rest = async () => {
      for await (const event of running) if (event.type === 'end') return event;
      return undefined;
    };
    await expect(rest()).rejects.toThrow(refusal('disposed', /disposed/));
    await expect(take(gone, { prompt: 'Still there?' })).rejects.toThrow(refusal('disposed', /Create another/));
  });

  test.each([0, -1, 1.5, NaN, Infinity])('refuses a context of %d tokens before it loads anything', async (length) => {
    const source = await packQuickModel();
    let shards = 0;
    const counting = {
      manifest: source.manifest,
      file: source.file.bind(source),
      shard: (index: number) => {
        shards++;
        return source.shard(index);
      },
    };
    const loading = LocalEngine.load(counting, { contextLength: length });
    await expect(loading).rejects.toThrow(refusal('setting_invalid', /contextLength/));
    expect(shards).toBe(0);
  });

  test('takes the context of the model, and a longer one with a warning', async () => {
    const messages: string[] = [];
    const load = async (options: { contextLength?: number }) => {
      const onMessage = (message: string) => messages.push(message);
      const loaded = await LocalEngine.load(await packTinyModel(), { ...options, gpu, onMessage });
      loaded.dispose();
      return loaded.info.model;
    };
    const own = await load({});
    expect(own.contextLength).toBe(4096);
    expect(own).not.toHaveProperty('configLength');
    expect(messages).toEqual([]);
    expect(await load({ contextLength: 5000 })).toMatchObject({ contextLength: 5000, configLength: 4096 });
    expect(messages).toEqual([expect.stringMatching(/5000 tokens.* beyond the 4096 /)]);
    expect(engine.info.model.contextLength).toBe(CONTEXT);
  });

  test('stops loading when it is aborted', async () => {
    const source = await packQuickModel();
    const stop = new AbortController();
    const loading = LocalEngine.load(
      {
        manifest: source.manifest,
        file: source.file.bind(source),
        shard: (index, signal) => {
          stop.abort();
          return source.shard(index, signal);
        },
      },
      { signal: stop.signal },
    );
    await expect(loading).rejects.toThrow(refusal('aborted', /./));
  });
});

describe.skipIf(!hasAdapter)('a model that the adapter cannot hold', () => {
  test('is refused before anything is loaded, with the type that would fit', async () => {
    const source = await packQuickModel();
    const { tensors } = source.manifest;
    const small = tensors.filter(({ bytes }) => bytes <= 1024);
    const refusing = {
      manifest: source.manifest,
      file: (name: Parameters<typeof source.file>[0]) => source.file(name),
      shard: () => Promise.reject(new Error('Nothing should have been loaded.')),
      smaller: () => [
        { scheme: 'f16' as const, tensors, bytes: 7e9 },
        { scheme: 'int4' as const, tensors: small, bytes: 3e9 },
      ],
    };
    const gpu = { maxLimits: { maxStorageBufferBindingSize: 1024 } };
    await expect(LocalEngine.load(refusing, { gpu })).rejects.toMatchObject({
      code: 'adapter_limit',
      message: expect.stringMatching(/binds at most .*\. As int4 \(3\.00 GB\) the model would fit\.$/) as string,
    });
  });
});
