import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { chatOf, take, type Answer } from '../testing/answer.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { FaultyGpu } from '../testing/faults/gpu.ts';
import { packQuickModel } from '../testing/quick-model.ts';
import { sharedGpu } from '../testing/shared-gpu.ts';
import { NO_SPECIAL } from '../testing/tiny-model.ts';
import { LocalEngine } from './local-engine.ts';
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
  const gpu = { gpu: faulty.gpu };
  /** Losses are many here, and soon after one another. */
  const tries = { pauses: [0, 0, 0], calm: 0 };
  const loading = { contextLength: CONTEXT, gpu, tries };
  let source: PackageSource;
  let engine: LocalEngine;
  let statuses: EngineStatus[] = [];
  let losses = 0;

  const load = async (): Promise<LocalEngine> => {
    const loaded = await LocalEngine.load(source, loading);
    loaded.onStatus((status) => statuses.push(status));
    return loaded;
  };

  beforeAll(async () => {
    source = await packQuickModel();
    engine = await load();
  });
  afterAll(() => {
    engine?.dispose();
    console.log(`Losses of the GPU: ${losses}`);
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
    const { calls } = faulty;
    expect(calls).toBeGreaterThan(MOMENTS);
    for (let moment = 0; moment < MOMENTS; moment++) {
      statuses = [];
      faulty.injectAt(1 + Math.round((moment * (calls - 1)) / (MOMENTS - 1)), 'lose');
      expect(whole(await take(engine, request)), `moment ${moment}`).toEqual(expected);
      const { injected } = faulty;
      if (injected === losses) continue; // the moment never came
      losses = injected;
      await expect.poll(() => statuses.map(({ status }) => status)).toEqual(['recovering', 'ready']);
      expect(statuses[0]).toMatchObject({ attempt: 1, reason: 'device_lost' });
    }
  });

  test('while a model is loaded, and a first question asked', { timeout: 600_000 }, async () => {
    const [, request] = QUESTIONS[0]!;
    const expected = whole(await take(engine, request));
    faulty.clear();
    (await load()).dispose();
    const { calls } = faulty;
    for (let moment = 0; moment < MOMENTS; moment++) {
      // The first two calls ask for a device: before them there is none to lose.
      faulty.injectAt(3 + Math.round((moment * (calls - 3)) / (MOMENTS - 1)), 'lose');
      const loaded = await load();
      expect(whole(await take(loaded, request)), `moment ${moment}`).toEqual(expected);
      loaded.dispose();
      losses = faulty.injected;
    }
  });

  test('while the engine is idle, with two questions that wait for it', async () => {
    const [[, greedy], [, drawn]] = [QUESTIONS[0]!, QUESTIONS[1]!];
    const expected = [whole(await take(engine, greedy)), whole(await take(engine, drawn))];
    for (let time = 0; time < 3; time++) {
      faulty.loseNow();
      losses++;
      const both = await Promise.all([take(engine, greedy), take(engine, drawn)]);
      expect(both.map(whole)).toEqual(expected);
    }
  });

  test('twice in one answer, and while it comes back', async () => {
    const [, request] = QUESTIONS[0]!;
    const expected = whole(await take(engine, request));
    let at = 0;
    const answer = await take(engine, request, (tokens) => {
      if (tokens >= at + 6 && at < 12) {
        at = tokens;
        faulty.loseNow();
        losses++;
      }
      return false;
    });
    expect(whole(answer)).toEqual(expected);

    let again = 1;
    const off = engine.onStatus(({ status }) => {
      // In the middle of the load that follows.
      if (status === 'recovering' && again-- > 0) setTimeout(() => faulty.loseNow());
    });
    faulty.loseNow();
    expect(whole(await take(engine, request))).toEqual(expected);
    off();
    losses += 2;
  });

  test('ends an answer that is stopped meanwhile, with what it had, and the engine comes back', async () => {
    const [, request] = QUESTIONS[0]!;
    const controller = new AbortController();
    const events = engine.generate(request, { signal: controller.signal });
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
    losses++;
    expect(end).toEqual(['abort', ids.length]);
    expect(await take(engine, request)).toMatchObject({ finishReason: 'length' });
  });

  test('whose memory ends in mid-answer is loaded anew, once', async () => {
    const [, request] = QUESTIONS[0]!;
    const expected = whole(await take(engine, request));
    const fresh = await load();
    faulty.injectAt(30, 'out-of-memory');
    expect(whole(await take(fresh, request))).toEqual(expected);
    fresh.dispose();
  });

  test('and is refused then says how to get it back; disposed of, it ends at once', { timeout: 60_000 }, async () => {
    const [, request] = QUESTIONS[0]!;
    const lone = await LocalEngine.load(source, { ...loading, tries: { pauses: [0, 0, 0], calm: 2000 } });
    lone.onStatus((status) => statuses.push(status));
    statuses = [];
    faulty.refusing = true;
    faulty.loseNow();
    const waiting = [take(lone, request), take(lone, request)];
    for (const one of waiting) {
      await expect(one).rejects.toMatchObject({
        code: 'webgpu_unavailable',
        message: expect.stringMatching(/lost .*tried 3 times .*restart the browser/) as string,
      });
    }
    expect(statuses.map(({ status }) => status)).toEqual(['recovering', 'recovering', 'recovering', 'failed']);
    faulty.refusing = false;
    // After a calm time it is tried again.
    await new Promise((resolve) => {
      setTimeout(resolve, 2100);
    });
    expect(await take(lone, request)).toMatchObject({ finishReason: 'length' });
    faulty.loseNow();
    const last = take(lone, request);
    last.catch(() => {});
    lone.dispose();
    await expect(last).rejects.toThrow(expect.objectContaining({ code: 'disposed' }));
    expect(lone.info.model.contextLength).toBe(CONTEXT);
  });

  test('does not go on with another model', async () => {
    const [, request] = QUESTIONS[0]!;
    let other = false;
    const opened = await LocalEngine.load(async () => {
      const { manifest } = source;
      const changed = other ? { ...manifest, name: 'another' } : manifest;
      return { source: { ...methodsOf(source), manifest: changed }, close() {} };
    }, loading);
    other = true;
    faulty.loseNow();
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
