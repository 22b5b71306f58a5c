import { describe, expect, test, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import { FakeWorker, INFO, NEVER, SHORT_DEADLINES } from '../../testing/browser/fake-worker.ts';
import { loadInWorker } from '../client.ts';
import type { ResumePoint } from '../answers/answer-course.ts';
import type { EngineStatus, GenerationEvent, GenerationRequest, LoadProgress, TunableEngine } from '../protocol.ts';

// A worker breaks down at each of the things that it does: another one goes on, and the page hears every token once.

const SHORT = { ...SHORT_DEADLINES, again: [0, 1, 2], calm: 0 };
const TOKENS = [1, 2, 3, 4, 5, 6];
const CALL = { id: 'c', name: 'f', arguments: '{}' };
/** What the worker says in all, of one load and one answer. */
const STEPS = 12;

interface Asked {
  request: GenerationRequest;
  resume: ResumePoint | null;
}

/** Workers one after the other, of which one breaks down at the n-th thing that they do together. */
function supply(
  failAt: number,
  delivered: boolean,
  how: (worker: FakeWorker) => void = (worker) => worker.fail('gone'),
) {
  const workers: FakeWorker[] = [];
  const asked: Asked[] = [];
  let steps = 0;
  const start = async (): Promise<Worker> => {
    const step = async (): Promise<void> => {
      if (++steps !== failAt) return;
      // Whether what it said before has arrived by then.
      if (delivered) await new Promise((resolve) => setTimeout(resolve, 5));
      how(worker);
      await NEVER;
    };
    const worker = new FakeWorker({
      async load() {
        await step();
        return { value: INFO };
      },
      async generate(request, resume, port) {
        asked.push({ request, resume });
        const post = async (event: GenerationEvent) => {
          await step();
          port.postMessage({ type: 'event', event });
        };
        const { ids, calls } = resume ?? { ids: [], calls: 0 };
        if (!resume) for (const processed of [0, 2]) await post({ type: 'prefill', processed, total: 2 });
        for (const id of TOKENS.slice(ids.length)) {
          await post({ type: 'text', text: String(id), ids: [id] });
          if (id === 3 && calls === 0) await post({ type: 'toolCall', call: CALL });
        }
        if (ids.length >= 3 && calls === 0) await post({ type: 'toolCall', call: CALL });
        const usage = { completionTokens: TOKENS.length, timeToFirstTokenS: 9 };
        await post({ type: 'end', finishReason: 'stop', usage } as GenerationEvent);
        await step();
        port.postMessage({ type: 'end' });
      },
    });
    workers.push(worker);
    return worker as unknown as Worker;
  };
  return { start, workers, asked, steps: () => steps };
}

async function ask(engine: TunableEngine, request: GenerationRequest = { prompt: 'x' }): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  for await (const event of engine.generate(request)) events.push(event);
  return events;
}

const textOf = (events: readonly GenerationEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

describe.each([
  ['and all that it said has come', true],
  ['and what it said last is lost', false],
])('a worker that breaks down, %s,', (_, delivered) => {
  test.each(Array.from({ length: STEPS + 1 }, (_unused, index) => index))('at step %i', async (failAt) => {
    const { start, workers, asked, steps } = supply(failAt, delivered);
    const engine = await loadInWorker({ model: 'org/name' }, start, SHORT);
    const statuses: EngineStatus['status'][] = [];
    engine.onStatus(({ status }) => statuses.push(status));
    const events = await ask(engine);
    expect(textOf(events)).toBe('123456');
    expect(events.flatMap((event) => (event.type === 'text' ? event.ids : []))).toEqual(TOKENS);
    expect(events.filter(({ type }) => type === 'toolCall')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'end')).toHaveLength(1);
    expect(events.at(-1)?.type).toBe('end');
    // Behind text there is no news of the prompt.
    const firstText = events.findIndex(({ type }) => type === 'text');
    expect(events.slice(firstText).some(({ type }) => type === 'prefill')).toBe(false);
    // Where the answer was complete, another worker comes after it.
    await vi.waitFor(() => expect(statuses).toEqual(failAt > 1 ? ['recovering', 'ready'] : []));
    expect(workers).toHaveLength(failAt === 0 ? 1 : 2);
    // Each draws what the first one would have drawn.
    expect(new Set(asked.map(({ request }) => request.seed)).size).toBe(1);
    expect(asked[0]!.request.seed).toBeTypeOf('number');
    if (failAt === 0) expect(steps()).toBe(STEPS);
    await engine.dispose();
    expect(workers.map(({ terminated }) => terminated > 0)).not.toContain(false);
  });
});

describe('workers that break down', () => {
  test('three times in one answer are replaced, and the answer is whole; with a fourth time it ends', async () => {
    for (const losses of [3, 4]) {
      let left = losses;
      const workers: FakeWorker[] = [];
      const start = async (): Promise<Worker> => {
        const worker = new FakeWorker({
          async generate(_, resume, port) {
            const id = TOKENS[resume?.ids.length ?? 0]!;
            port.postMessage({ type: 'event', event: { type: 'text', text: String(id), ids: [id] } });
            await new Promise((resolve) => setTimeout(resolve, 5));
            if (left-- > 0) worker.fail('again');
            else port.postMessage({ type: 'end' });
          },
        });
        workers.push(worker);
        return worker as unknown as Worker;
      };
      const engine = await loadInWorker({ model: 'org/name' }, start, SHORT);
      if (losses === 3) expect(textOf(await ask(engine))).toBe('1234');
      else await expect(ask(engine)).rejects.toMatchObject({ code: 'worker_failed' });
      await engine.dispose();
    }
  });

  test('while the engine is idle are replaced before anything is asked', async () => {
    const { start, workers, asked } = supply(0, true);
    const engine = await loadInWorker({ model: 'org/name' }, start, SHORT);
    const statuses: EngineStatus[] = [];
    engine.onStatus((status) => statuses.push(status));
    workers[0]!.fail('idle');
    await vi.waitFor(() => expect(statuses.at(-1)?.status).toBe('ready'));
    expect(statuses[0]).toMatchObject({ status: 'recovering', attempt: 1, reason: 'worker_failed' });
    expect(workers).toHaveLength(2);
    expect(asked).toEqual([]);
    expect(await engine.countTokens('ab')).toBe(2);
    expect(textOf(await ask(engine))).toBe('123456');
  });

  test('leave those who wait in the queue their turns', async () => {
    const { start } = supply(6, true);
    const engine = await loadInWorker({ model: 'org/name' }, start, SHORT);
    const answers = await Promise.all([ask(engine), ask(engine), ask(engine)]);
    expect(answers.map(textOf)).toEqual(['123456', '123456', '123456']);
  });

  test('and do not load again are told of with the reason, and so is the next question', async () => {
    const first = new FakeWorker();
    let started = 0;
    const start = async (): Promise<Worker> => {
      const error = { code: 'network', message: 'No network. Check the connection.' } as const;
      const worker = started++ === 0 ? first : new FakeWorker({ load: async () => ({ error }) });
      return worker as unknown as Worker;
    };
    const engine = await loadInWorker({ model: 'org/name' }, start, { ...SHORT, calm: 60_000 });
    const statuses: EngineStatus[] = [];
    engine.onStatus((status) => statuses.push(status));
    first.fail('a bug');
    const message = expect.stringMatching(/a bug.* tried 3 times .*No network/) as string;
    for (let time = 0; time < 2; time++) {
      await expect(ask(engine)).rejects.toMatchObject({ name: 'BambaError', code: 'network', message });
    }
    expect(started).toBe(4);
    expect(statuses.map(({ status }) => status)).toEqual(['recovering', 'recovering', 'recovering', 'failed']);
    expect(statuses.at(-1)).toMatchObject({ attempt: 3, message });
    await engine.dispose();
  });

  test('end an answer that is stopped meanwhile, with what it had', async () => {
    const { start, workers } = supply(5, true);
    let load = (): void => {};
    const loading = new Promise<void>((resolve) => {
      load = resolve;
    });
    const slow = async (): Promise<Worker> => {
      if (workers.length > 0) await loading;
      return start();
    };
    const engine = await loadInWorker({ model: 'org/name' }, slow, SHORT);
    const controller = new AbortController();
    engine.onStatus(() => controller.abort());
    const events: GenerationEvent[] = [];
    for await (const event of engine.generate({ prompt: 'x' }, { signal: controller.signal })) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: 'end', finishReason: 'abort', usage: { completionTokens: 1 } });
    load();
    expect(textOf(await ask(engine))).toBe('123456');
  });

  test('are not replaced for an engine that is disposed of meanwhile', async () => {
    const { start, workers } = supply(4, true);
    const engine = await loadInWorker({ model: 'org/name' }, start, SHORT);
    engine.onStatus(() => void engine.dispose());
    await expect(ask(engine)).rejects.toMatchObject({ code: 'disposed' });
    await engine.dispose();
    expect(workers.map(({ terminated }) => terminated > 0)).not.toContain(false);
    await expect(ask(engine)).rejects.toBeInstanceOf(BambaError);
  });

  test('tell how far another one is with the model', async () => {
    const progress: LoadProgress = {
      stage: 'weights',
      loaded: 1,
      total: 2,
      progress: 0.25,
      source: 'storage',
      bytesPerSecond: 0,
      secondsLeft: 0,
    };
    const workers: FakeWorker[] = [];
    const start = async (): Promise<Worker> => {
      const worker = new FakeWorker({
        async load(_, onProgress) {
          await onProgress(progress);
          return { value: INFO };
        },
      });
      workers.push(worker);
      return worker as unknown as Worker;
    };
    const loads: number[] = [];
    const onProgress = (one: { progress: number }) => loads.push(one.progress);
    const engine = await loadInWorker({ model: 'org/name', onProgress }, start, SHORT);
    const statuses: EngineStatus[] = [];
    engine.onStatus((status) => statuses.push(status));
    workers[0]!.fail('gone');
    await vi.waitFor(() => expect(statuses.at(-1)?.status).toBe('ready'));
    expect(statuses.map(({ status, progress: share }) => [status, share])).toEqual([
      ['recovering', undefined],
      ['recovering', 0.25],
      ['ready', undefined],
    ]);
    expect(loads).toEqual([0.25]);
    await engine.dispose();
  });
});
