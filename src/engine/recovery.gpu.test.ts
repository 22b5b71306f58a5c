import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { chatOf, take, type Answer } from '../testing/engines/answer.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { FaultyGpu } from '../testing/faults/gpu.ts';
import { packQuickModel } from '../testing/models/quick-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { NO_SPECIAL } from '../testing/models/tiny-model.ts';
import { LocalEngine, type LocalEngineOptions } from './local-engine.ts';
import type { EngineStatus, GenerationRequest } from './protocol.ts';

// The GPU is lost at many moments, and every answer is as without: no token twice, none missing, none another.

const CONTEXT = 256;
/** Moments of each kind of answer, evenly over all calls of the GPU that it makes. */
const MOMENTS = 4;

const QUESTIONS: [string, GenerationRequest][] = [
  ['greedy', { prompt: 'What is an apple?', maxTokens: 14, logitBias: NO_SPECIAL }],
  ['drawn', { messages: chatOf('Well?'), maxTokens: 14, logitBias: NO_SPECIAL, temperature: 1.5, seed: 7 }],
  [
    'drawn with penalties',
    {
      prompt: 'Again and again',
      maxTokens: 14,
      logitBias: NO_SPECIAL,
      temperature: 1,
      seed: 3,
      repetitionPenalty: 1.4,
      presencePenalty: 1,
      frequencyPenalty: 1.5,
    },
  ],
  ['of a form', { prompt: 'A list', maxTokens: 20, temperature: 1, seed: 5, pattern: '\\[(\\d{3,5}, ){2,}\\d\\]' }],
  ['with probabilities', { prompt: 'How likely?', maxTokens: 12, logitBias: NO_SPECIAL, logprobs: 2 }],
];

describe.skipIf(!hasAdapter)('a GPU that is lost', () => {
  const faulty = new FaultyGpu(sharedGpu());
  /** Losses are many here, and soon after one another. */
  const tries = { pauses: [0, 0, 0], calm: 0 };
  const loading = { contextLength: CONTEXT, tries };
  let source: PackageSource;
  let engine: LocalEngine;
  let statuses: EngineStatus[] = [];
  /** Of the other engines. */
  let otherLosses = 0;

  /** An engine with a GPU of its own to lose. */
  const loadOther = async (lone: Partial<LocalEngineOptions> = {}): Promise<[LocalEngine, FaultyGpu]> => {
    const own = new FaultyGpu(sharedGpu());
    return [await LocalEngine.load(source, { ...loading, gpu: { gpu: own.gpu }, ...lone }), own];
  };

  beforeAll(async () => {
    source = await packQuickModel();
    engine = await LocalEngine.load(source, { ...loading, gpu: { gpu: faulty.gpu } });
    engine.onStatus((status) => statuses.push(status));
  });
  afterAll(() => {
    engine?.dispose();
    console.log(`Losses of the GPU: ${faulty.losses + otherLosses}`);
  });

  const whole = ({ text, ids, logprobs, finishReason, usage }: Answer) => ({
    text,
    ids,
    finishReason,
    // Computed in another way than one by one, the numbers differ in their last digits.
    logprobs: logprobs.map(({ id }) => id),
    counts: [usage.promptTokens, usage.completionTokens],
  });

  test.each(QUESTIONS)('while an answer is written, %s', { timeout: 600_000 }, async (_, request) => {
    faulty.clear();
    const expected = whole(await take(engine, request));
    faulty.clear();
    await take(engine, request);
    // A few are made or not, as the GPU is quick or slow.
    const calls = Math.floor(0.7 * faulty.calls);
    const { losses } = faulty;
    expect(calls).toBeGreaterThan(MOMENTS);
    for (let moment = 0; moment < MOMENTS; moment++) {
      statuses = [];
      faulty.injectAt(1 + Math.round((moment * (calls - 1)) / (MOMENTS - 1)), 'lose');
      // An answer may make fewer calls than the one that was counted: then the loss meets the next one.
      for (let answer = 0; answer < 5 && faulty.losses - losses === moment; answer++) {
        expect(whole(await take(engine, request)), `moment ${moment}`).toEqual(expected);
      }
      await expect
        .poll(() => statuses.map(({ status }) => status), { timeout: 30_000 })
        .toEqual(['recovering', 'ready']);
      expect(statuses[0]).toMatchObject({ attempt: 1, reason: 'device_lost' });
    }
    expect(faulty.losses - losses).toBe(MOMENTS);
  });

  test('while a model is loaded, and a first question asked', { timeout: 600_000 }, async () => {
    const [, request] = QUESTIONS[0]!;
    const expected = whole(await take(engine, request));
    const own = new FaultyGpu(sharedGpu());
    const load = () => LocalEngine.load(source, { ...loading, gpu: { gpu: own.gpu } });
    (await load()).dispose();
    const { calls } = own;
    for (let moment = 0; moment < MOMENTS; moment++) {
      // The first two calls ask for a device: before them there is none to lose.
      own.injectAt(3 + Math.round((moment * (calls - 3)) / (MOMENTS - 1)), 'lose');
      const loaded = await load();
      expect(whole(await take(loaded, request)), `moment ${moment}`).toEqual(expected);
      loaded.dispose();
    }
    expect(own.losses).toBe(MOMENTS);
    otherLosses += own.losses;
  });

  test('while the engine is idle, with two questions that wait for it', async () => {
    const [[, greedy], [, drawn]] = [QUESTIONS[0]!, QUESTIONS[1]!];
    const expected = [whole(await take(engine, greedy)), whole(await take(engine, drawn))];
    for (let time = 0; time < 3; time++) {
      faulty.loseNow();
      const both = await Promise.all([take(engine, greedy), take(engine, drawn)]);
      expect(both.map(whole)).toEqual(expected);
    }
  });

  test('twice in one answer, and while it comes back', async () => {
    const [, request] = QUESTIONS[0]!;
    const expected = whole(await take(engine, request));
    const { losses } = faulty;
    statuses = [];
    const timesReady = () => statuses.filter(({ status }) => status === 'ready').length;
    let times = 0;
    const answer = await take(engine, request, () => {
      // What the lost GPU had computed may still come before it is back.
      if (times < 2 && timesReady() === times) {
        times++;
        faulty.loseNow();
      }
      return false;
    });
    expect(whole(answer)).toEqual(expected);
    expect(faulty.losses - losses).toBe(2);
    // The GPU may have been ahead of the second loss: the answer ends then before the engine has come back.
    await expect.poll(timesReady, { timeout: 30_000 }).toBe(2);

    statuses = [];
    const off = engine.onStatus(({ status, attempt }) => {
      // In the middle of the load that follows.
      if (status === 'recovering' && attempt === 1) faulty.injectAt(20, 'lose');
    });
    faulty.loseNow();
    expect(whole(await take(engine, request))).toEqual(expected);
    off();
    expect(faulty.losses - losses).toBe(4);
    expect(statuses.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['recovering', 1],
      ['recovering', 2],
      ['ready', 2],
    ]);
  });

  test('ends an answer that is stopped meanwhile, with what it had, and the engine comes back', async () => {
    const [, request] = QUESTIONS[0]!;
    const controller = new AbortController();
    // Far longer than what the GPU has computed by then.
    const events = engine.generate({ ...request, maxTokens: 200 }, { signal: controller.signal });
    const ids: number[] = [];
    let end: unknown;
    const off = engine.onStatus(({ status }) => {
      if (status === 'recovering') controller.abort();
    });
    for await (const event of events) {
      if (event.type === 'text') {
        ids.push(...event.ids);
        if (ids.length === event.ids.length) faulty.loseNow();
      }
      if (event.type === 'end') end = [event.finishReason, event.usage.completionTokens];
    }
    off();
    expect(end).toEqual(['abort', ids.length]);
    expect(await take(engine, request)).toMatchObject({ finishReason: 'length' });
  });

  test('whose memory ends is loaded anew, in mid-answer and before the next one', async () => {
    const [, request] = QUESTIONS[0]!;
    const expected = await take(engine, request);
    const [fresh, own] = await loadOther();
    const heard: string[] = [];
    fresh.onStatus(({ status, reason }) => heard.push(`${status} ${reason}`));
    let text = '';
    let left = 1;
    for await (const event of fresh.generate(request)) {
      if (event.type === 'prefill' && left-- > 0) own.runOutOfMemory();
      if (event.type === 'text') text += event.text;
    }
    expect(text).toBe(expected.text);
    expect(heard).toEqual(['recovering out_of_memory', 'ready out_of_memory']);
    own.runOutOfMemory();
    expect(whole(await take(fresh, request))).toEqual(whole(expected));
    expect(heard).toHaveLength(4);
    fresh.dispose();
  });

  test('whose memory ends at each attempt is told of', async () => {
    const [, request] = QUESTIONS[0]!;
    const [fresh, own] = await loadOther();
    const answer = async () => {
      for await (const event of fresh.generate(request)) if (event.type === 'prefill') own.runOutOfMemory();
    };
    await expect(answer()).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringMatching(/ran out of memory .*smaller model/) as string,
    });
    expect(await take(fresh, request)).toMatchObject({ finishReason: 'length' });
    fresh.dispose();
  });

  test('and is refused then says how to get it back; disposed of, it ends at once', { timeout: 60_000 }, async () => {
    const [, request] = QUESTIONS[0]!;
    const [lone, own] = await loadOther({ tries: { pauses: [0, 0, 0], calm: 2000 } });
    const heard: string[] = [];
    lone.onStatus(({ status }) => heard.push(status));
    own.refusing = true;
    own.loseNow();
    const waiting = [take(lone, request), take(lone, request)];
    for (const one of waiting) {
      await expect(one).rejects.toMatchObject({
        code: 'webgpu_unavailable',
        message: expect.stringMatching(/lost .*tried 3 times .*restart the browser/) as string,
      });
    }
    expect(heard).toEqual(['recovering', 'recovering', 'recovering', 'failed']);
    own.refusing = false;
    // After a calm time it is tried again.
    await new Promise((resolve) => {
      setTimeout(resolve, 2100);
    });
    expect(await take(lone, request)).toMatchObject({ finishReason: 'length' });
    own.loseNow();
    otherLosses += own.losses;
    const last = take(lone, request);
    last.catch(() => {});
    lone.dispose();
    await expect(last).rejects.toThrow(expect.objectContaining({ code: 'disposed' }));
    expect(lone.info.model.contextLength).toBe(CONTEXT);
  });

  test('does not go on with another model', async () => {
    const [, request] = QUESTIONS[0]!;
    let other = false;
    const own = new FaultyGpu(sharedGpu());
    const opened = await LocalEngine.load(
      async () => {
        const { manifest } = source;
        const changed = other ? { ...manifest, name: 'another' } : manifest;
        return { source: { ...methodsOf(source), manifest: changed }, close() {} };
      },
      { ...loading, gpu: { gpu: own.gpu } },
    );
    other = true;
    own.loseNow();
    otherLosses += own.losses;
    await expect(take(opened, request)).rejects.toThrow(
      expect.objectContaining({ name: 'BambaError', code: 'checkpoint_changed' }),
    );
    opened.dispose();
  });
});

const methodsOf = (source: PackageSource) => ({
  file: source.file.bind(source),
  shard: source.shard.bind(source),
});
