import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import { Batch } from '../../model/batch/batch.ts';
import { random } from '../../testing/arbitrary.ts';
import { type Answer, chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { times } from '../../testing/extent.ts';
import { FaultyGpu } from '../../testing/faults/gpu.ts';
import { packQuickModel } from '../../testing/models/quick-model.ts';
import { NO_SPECIAL } from '../../testing/models/tiny-model.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { LocalEngine, type LocalEngineOptions } from '../local-engine.ts';
import type { GenerationEvent, GenerationRequest } from '../protocol.ts';

// Requests that are made at once, against each of them alone.

const CONTEXT = 1024;

const REQUESTS: readonly GenerationRequest[] = [
  { prompt: 'What is an apple?', maxTokens: 14, logitBias: NO_SPECIAL },
  { messages: chatOf('Well?'), maxTokens: 18, logitBias: NO_SPECIAL, temperature: 1.5, seed: 7 },
  { prompt: 'A list', maxTokens: 20, temperature: 1, seed: 5, pattern: '\\[(\\d{3,5}, ){2,}\\d\\]' },
  { prompt: 'How likely?', maxTokens: 12, logitBias: NO_SPECIAL, logprobs: 2 },
  {
    prompt: 'Again and again',
    maxTokens: 14,
    logitBias: NO_SPECIAL,
    temperature: 1,
    seed: 3,
    repetitionPenalty: 1.4,
    frequencyPenalty: 1.5,
  },
];

/** Text of several chunks. */
const LONG = Array.from({ length: 700 }, (_, index) => String.fromCharCode(97 + ((index * index) % 26))).join('');

/** All that does not depend on time. */
const whole = ({ text, ids, logprobs, finishReason, usage }: Answer) => ({
  text,
  ids,
  finishReason,
  logprobs: logprobs.map(({ id, top }) => [id, ...top.map((one) => one.id)]),
  counts: [usage.promptTokens, usage.completionTokens],
});

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

describe.skipIf(!hasAdapter)('requests that are made at once', { timeout: 120_000 }, () => {
  let source: PackageSource;
  let engine: LocalEngine;
  let alone: ReturnType<typeof whole>[];

  const load = (options: LocalEngineOptions = {}) =>
    LocalEngine.load(source, { gpu: { gpu: sharedGpu() }, contextLength: CONTEXT, ...options });

  beforeAll(async () => {
    source = await packQuickModel();
    engine = await load();
    alone = [];
    for (const request of REQUESTS) alone.push(whole(await take(engine, request)));
  });
  afterAll(() => engine?.dispose());
  beforeEach(() => {
    vi.restoreAllMocks();
  });

  test('take no memory of a batch as long as there is one', () => {
    expect([engine.ensemble!.bytes, engine.ensemble!.steps]).toEqual([0, 0]);
    expect(engine.info.atOnce).toBe(8);
  });

  test('are answered together, each as if alone', async () => {
    const before = engine.ensemble!.steps;
    const answers = await Promise.all(REQUESTS.map((request) => take(engine, request)));
    expect(answers.map(whole)).toEqual(alone);
    const tokens = alone.reduce((sum, { ids }) => sum + ids.length, 0);
    const steps = engine.ensemble!.steps - before;
    expect(steps).toBeGreaterThan(0);
    // Those of all but the first begin while it goes on.
    expect(steps).toBeLessThan(tokens / 2);
    expect(engine.ensemble!.bytes).toBeGreaterThan(0);
    expect(engine.ensemble!.together!.batch.taken).toEqual([]);
  });

  test.each(Array.from({ length: times(12, 2) }, (_, seed) => seed))('whoever comes and leaves: %i', async (seed) => {
    const next = random(seed + 100);
    const below = (most: number) => Math.floor(next() * most);
    const guests = Array.from({ length: 9 }, () => ({
      index: below(REQUESTS.length),
      wait: below(30),
      stops: next() < 0.3 ? 1 + below(10) : Infinity,
      leaves: next() < 0.2 ? 1 + below(6) : Infinity,
    }));
    await Promise.all(
      guests.map(async ({ index, wait, stops, leaves }) => {
        for (let turn = 0; turn < wait; turn++) await turnOfLoop();
        const controller = new AbortController();
        const ids: number[] = [];
        let end: GenerationEvent | null = null;
        for await (const event of engine.generate(REQUESTS[index]!, { signal: controller.signal })) {
          if (event.type === 'end') end = event;
          if (event.type !== 'text') continue;
          ids.push(...event.ids);
          if (ids.length >= stops) controller.abort();
          if (ids.length >= leaves) break;
        }
        const expected = alone[index]!.ids;
        expect(ids).toEqual(expected.slice(0, ids.length));
        expect(ids.length).toBeGreaterThanOrEqual(Math.min(stops, leaves, expected.length));
        if (stops === Infinity && leaves === Infinity) expect(end).toMatchObject({ finishReason: expect.any(String) });
      }),
    );
    expect(engine.ensemble!.together!.batch.taken).toEqual([]);
  });

  test('share the reading of one prompt, and the steps of several answers to it', async () => {
    const own = await load();
    try {
      const request = { prompt: LONG, maxTokens: 96, logitBias: NO_SPECIAL, temperature: 1 };
      const four = () => Promise.all([1, 2, 3, 4].map((seed) => take(own, { ...request, seed })));
      const answers = await four();
      expect(answers.map(({ usage }) => usage.cachedTokens > 600)).toEqual([false, true, true, true]);
      expect(new Set(answers.map(({ text }) => text)).size).toBeGreaterThan(1);
      // The first answer goes on alone while steps of several are compiled. Once they are, weights are read about as often
      // as for one answer.
      const before = own.ensemble!.steps;
      await four();
      expect(own.ensemble!.steps - before).toBeLessThan(1.5 * 96);
    } finally {
      own.dispose();
    }
  });

  test('do not wait for a long prompt, nor does it for them', async () => {
    const order: string[] = [];
    const follow = async (name: string, request: GenerationRequest) => {
      const ids: number[] = [];
      for await (const event of engine.generate(request)) {
        order.push(`${name} ${event.type}`);
        if (event.type === 'text') ids.push(...event.ids);
      }
      return ids;
    };
    const short = { prompt: 'Short', maxTokens: 60, logitBias: NO_SPECIAL };
    const long = { prompt: `${LONG}!`, maxTokens: 3, logitBias: NO_SPECIAL };
    const expected = [await follow('', short), await follow('', long)];
    await Promise.all([take(engine, REQUESTS[0]!), take(engine, REQUESTS[1]!)]);
    order.length = 0;
    const first = follow('short', { ...short, prompt: 'Short' });
    await vi.waitFor(() => expect(order).toContain('short text'));
    // What it would find of the first time is not what is tried.
    const second = follow('long', { ...long, prompt: `?${long.prompt}` });
    expect(await first).toEqual(expected[0]);
    expect(await second).toHaveLength(3);
    const read = order.flatMap((event, index) => (event === 'long prefill' ? [index] : []));
    const between = order.slice(read[0], read.at(-1)).filter((event) => event === 'short text');
    expect(read.length).toBeGreaterThan(2);
    expect(between.length).toBeGreaterThanOrEqual(read.length - 2);
  });

  test('stand aside in their prompts while others take steps', async () => {
    const requests = ['One?', 'Another one?', 'And a third?'].map((question) => ({
      messages: chatOf(question),
      maxTokens: 40,
    }));
    const own = await load();
    try {
      const expected = [];
      for (const request of requests) expected.push(whole(await take(own, request)));
      // New chats: nothing is known of their prompts.
      for (let round = 0; round < 3; round++) {
        const other = await load();
        await Promise.all([take(other, REQUESTS[0]!), take(other, REQUESTS[1]!)]);
        const answers = await Promise.all(requests.map((request) => take(other, request)));
        expect(answers.map(whole), `round ${round}`).toEqual(expected);
        const again = await Promise.all(requests.map((request) => take(other, request)));
        expect(again.map(whole), `again ${round}`).toEqual(expected);
        other.dispose();
      }
    } finally {
      own.dispose();
    }
  });

  test('read long prompts in turn', async () => {
    await Promise.all([take(engine, REQUESTS[0]!), take(engine, REQUESTS[1]!)]);
    const order: string[] = [];
    const follow = async (name: string, prompt: string) => {
      const answer = [];
      for await (const event of engine.generate({ prompt, maxTokens: 4, logitBias: NO_SPECIAL })) {
        if (event.type === 'prefill') order.push(`${name}${event.processed}`);
        if (event.type === 'text') answer.push(...event.ids);
      }
      return answer;
    };
    const both = await Promise.all([follow('a', `A${LONG}`), follow('b', `B${LONG}`)]);
    expect(order.indexOf('b256')).toBeLessThan(order.indexOf('a701'));
    expect(order.indexOf('a512')).toBeLessThan(order.indexOf('b512'));
    const apart = [];
    const other = await load();
    for (const name of ['A', 'B']) {
      apart.push((await take(other, { prompt: `${name}${LONG}`, maxTokens: 4, logitBias: NO_SPECIAL })).ids);
    }
    other.dispose();
    expect(both).toEqual(apart);
  });

  test('go one after the other where there is no memory for several', async () => {
    const create = vi.spyOn(Batch, 'create').mockRejectedValue(new BambaError('out_of_memory', 'None.'));
    const poor = await load();
    try {
      const answers = await Promise.all(REQUESTS.slice(0, 3).map((request) => take(poor, request)));
      expect(answers.map(whole)).toEqual(alone.slice(0, 3));
      expect(create.mock.calls.map(([, slots]) => slots)).toEqual([8, 4, 2]);
      expect([poor.ensemble!.most, poor.ensemble!.steps]).toEqual([1, 0]);
      await take(poor, REQUESTS[0]!);
      expect(create).toHaveBeenCalledTimes(3);
    } finally {
      poor.dispose();
    }
  });

  test('go one after the other where the option says so', async () => {
    const queue = await load({ batch: { most: 1 } });
    const answers = await Promise.all(REQUESTS.map((request) => take(queue, request)));
    expect(answers.map(whole)).toEqual(alone);
    expect([queue.info.atOnce, queue.ensemble!.bytes]).toEqual([undefined, 0]);
    queue.dispose();
    await expect(load({ batch: { most: 17 } })).rejects.toMatchObject({ code: 'setting_invalid' });
    await expect(load({ batch: { chunksPerStep: 0 } })).rejects.toMatchObject({ code: 'setting_invalid' });
  });

  test('give their memory back when they have ended, however many there were', async () => {
    const own = await load({ batchIdleMs: 0, batch: { most: 2 } });
    const sizes = new Set<number>();
    for (let round = 0; round < times(250, 4); round++) {
      const requests = [0, 1, 0, 1].map((index) => ({ ...REQUESTS[index]!, maxTokens: 3 }));
      await Promise.all(requests.map((request) => take(own, request)));
      sizes.add(own.ensemble!.bytes);
      if (round % 50 === 1) await vi.waitFor(() => expect(own.ensemble!.bytes).toBe(0));
    }
    sizes.delete(0);
    expect(sizes.size).toBeLessThanOrEqual(1);
    await vi.waitFor(() => expect(own.ensemble!.bytes).toBe(0));
    expect(own.ensemble!.steps).toBeGreaterThan(0);
    own.dispose();
  });

  test('all go on where the GPU is lost', async () => {
    const faulty = new FaultyGpu(sharedGpu());
    const own = await load({ gpu: { gpu: faulty.gpu }, tries: { pauses: [0, 0, 0], calm: 0 } });
    try {
      await Promise.all(REQUESTS.map((request) => take(own, request)));
      for (let time = 1; time <= times(12, 3); time++) {
        let tokens = 0;
        const { losses } = faulty;
        const lose = () => {
          if (++tokens === 3 * time) faulty.loseNow();
          return false;
        };
        const answers = await Promise.all(REQUESTS.map((request) => take(own, request, lose)));
        expect(answers.map(whole), `after ${3 * time} pieces`).toEqual(alone);
        expect(faulty.losses - losses).toBeLessThanOrEqual(1);
      }
      expect(faulty.losses).toBeGreaterThan(0);
    } finally {
      own.dispose();
    }
  });

  test('end where the engine is disposed of', async () => {
    // A device of its own, which is destroyed.
    const own = await LocalEngine.load(source, { contextLength: CONTEXT });
    await Promise.all([take(own, REQUESTS[0]!), take(own, REQUESTS[1]!)]);
    const ends = await Promise.allSettled(
      REQUESTS.map((request) =>
        take(own, { ...request, maxTokens: 200 }, (tokens) => {
          if (tokens > 3) own.dispose();
          return false;
        }),
      ),
    );
    for (const end of ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { name: 'BambaError', code: 'disposed' } });
    }
  });
});
