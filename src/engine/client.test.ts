import { describe, expect, test, vi } from 'vitest';
import { FakeWorker, INFO, NEVER, SHORT_DEADLINES } from '../testing/browser/fake-worker.ts';
import { askWorker, createEngine, loadInWorker } from './client.ts';
import type { EngineOptions, GenerationEvent, TunableEngine } from './protocol.ts';
import type { WorkerApi } from './worker/wire.ts';

// Whatever a worker does, and whenever, each wait of the page ends with an error that has a code. The worker is gone
// where it must not go on.

const MODEL = 'org/name';

const load = (worker: FakeWorker, options: Partial<EngineOptions> = {}): Promise<TunableEngine> =>
  loadInWorker({ model: MODEL, ...options }, worker.start, SHORT_DEADLINES);

const ask = async (engine: TunableEngine, signal?: AbortSignal): Promise<GenerationEvent[]> => {
  const events: GenerationEvent[] = [];
  const request = { messages: [{ role: 'user' as const, content: 'Well?' }] };
  for await (const event of engine.generate(request, signal ? { signal } : {})) events.push(event);
  return events;
};

/** Something that is under way and never ends by itself, with what ends it. */
interface Running {
  worker: FakeWorker;
  outcome: Promise<unknown>;
  abort: () => void;
  engine: TunableEngine | null;
}

/** Begins it in a worker that does as `api` says, and waits until the worker is at it. */
async function begin(state: 'load' | 'answer' | 'tune', api: Partial<WorkerApi> = {}): Promise<Running> {
  let begun = () => {};
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const never = async (): Promise<never> => {
    begun();
    return NEVER;
  };
  const name = state === 'answer' ? 'generate' : state;
  const worker = new FakeWorker({ [name]: never, ...api });
  const controller = new AbortController();
  const { signal } = controller;
  const engine = state === 'load' ? null : await load(worker);
  const running = !engine
    ? load(worker, { signal })
    : state === 'answer'
      ? ask(engine, signal)
      : engine.tune({ signal });
  const outcome: Promise<unknown> = running.catch((error: unknown) => error);
  if (!api[name]) await isBegun;
  return { worker, outcome, engine, abort: () => controller.abort() };
}

const worker_failed = expect.objectContaining({
  name: 'BambaError',
  code: 'worker_failed',
  message: expect.stringMatching(/^The engine's worker .*\. Load the model again\./) as string,
}) as unknown;
const withCode = (code: string) => expect.objectContaining({ name: 'BambaError', code }) as unknown;

describe.each(['load', 'answer', 'tune'] as const)('a %s', (state) => {
  test('that the worker fails in says so, and so does what is asked next', async () => {
    const { worker, outcome, engine } = await begin(state);
    worker.fail('a bug');
    expect(await outcome).toEqual(withCode('worker_failed'));
    expect(await outcome).toMatchObject({ message: expect.stringContaining('a bug') as string });
    expect(worker.terminated).toBeGreaterThan(0);
    if (!engine) return;
    await expect(ask(engine)).rejects.toEqual(worker_failed);
    await expect(engine.tune()).rejects.toEqual(worker_failed);
    await engine.dispose();
    await expect(ask(engine)).rejects.toEqual(withCode('disposed'));
  });

  test('whose message cannot be read says so', async () => {
    const { worker, outcome } = await begin(state);
    worker.garble();
    expect(await outcome).toEqual(worker_failed);
    expect(worker.terminated).toBeGreaterThan(0);
  });

  test('that is stuck ends when it is stopped, and the worker with it', async () => {
    const { worker, outcome, engine, abort } = await begin(state);
    worker.stuck = true;
    abort();
    expect(await outcome).toEqual(state === 'load' ? withCode('aborted') : worker_failed);
    expect(worker.terminated).toBeGreaterThan(0);
    if (engine) await expect(ask(engine)).rejects.toEqual(worker_failed);
  });

  test('that goes on although it is stopped ends nevertheless', async () => {
    const { worker, outcome, engine, abort } = await begin(state);
    abort();
    expect(await outcome).toEqual(withCode('aborted'));
    // A worker that still answers only computes: the model stays where it is.
    expect(worker.terminated > 0).toBe(state === 'load');
    if (!engine) return;
    await expect(ask(engine)).rejects.toEqual(withCode('busy'));
    await engine.dispose();
    expect(worker.terminated).toBeGreaterThan(0);
  });
});

describe.each(['answer', 'tune'] as const)('while an %s runs', (state) => {
  test('another question that does not wait is refused at once, also by a worker that is stuck', async () => {
    const { worker, engine } = await begin(state);
    worker.stuck = true;
    const refused = engine!.generate({ prompt: 'Well?' }, { queue: false });
    await expect(refused[Symbol.asyncIterator]().next()).rejects.toEqual(withCode('busy'));
    await expect(engine!.tune({ queue: false })).rejects.toEqual(withCode('busy'));
    await engine!.dispose();
  });

  test('others wait until they are taken back, or the engine is disposed of', async () => {
    const { engine } = await begin(state);
    const controller = new AbortController();
    const { signal } = controller;
    const takenBack = [ask(engine!, signal), engine!.tune({ signal })];
    const left = [ask(engine!), engine!.tune()];
    const late = ask(engine!, AbortSignal.abort());
    for (const one of [...takenBack, ...left, late]) one.catch(() => {});
    controller.abort();
    for (const one of [...takenBack, late]) await expect(one).rejects.toEqual(withCode('aborted'));
    await engine!.dispose();
    for (const one of left) await expect(one).rejects.toEqual(withCode('disposed'));
  });

  test.each(['well', 'stuck'])('disposing of the engine ends it, where the worker is %s', async (how) => {
    const { worker, outcome, engine } = await begin(state);
    worker.stuck = how === 'stuck';
    const twice = [engine!.dispose(), engine!.dispose()];
    await expect(ask(engine!)).rejects.toEqual(withCode('disposed'));
    await Promise.all(twice);
    expect(worker.terminated).toBeGreaterThan(0);
    expect(await outcome).toEqual(withCode('disposed'));
  });

  test('a worker that computes for long is left alone until it is asked to stop', async () => {
    const { worker, outcome, engine } = await begin(state);
    worker.stuck = true;
    const waited = new Promise((resolve) => {
      setTimeout(resolve, 3 * SHORT_DEADLINES.notice, 'waiting');
    });
    expect(await Promise.race([outcome, waited])).toBe('waiting');
    expect(worker.terminated).toBe(0);
    await engine!.dispose();
  });
});

describe('an idle engine', () => {
  test('says of a worker that died in silence that it is dead', async () => {
    const worker = new FakeWorker();
    const engine = await load(worker);
    worker.stuck = true;
    await expect(ask(engine)).rejects.toEqual(worker_failed);
    expect(worker.terminated).toBeGreaterThan(0);
  });

  test.each(['well', 'stuck'])('can be disposed of, where the worker is %s', async (how) => {
    const worker = new FakeWorker();
    const engine = await load(worker);
    worker.stuck = how === 'stuck';
    await engine.dispose();
    expect(worker.terminated).toBeGreaterThan(0);
    await expect(ask(engine)).rejects.toEqual(withCode('disposed'));
    await expect(engine.tune()).rejects.toEqual(withCode('disposed'));
  });

  test('whose worker failed says so at the next question', async () => {
    const worker = new FakeWorker();
    const engine = await load(worker);
    worker.fail('a bug');
    await expect(ask(engine)).rejects.toEqual(worker_failed);
  });

  test('refuses what cannot be handed to a worker, and answers the next', async () => {
    const engine = await load(new FakeWorker());
    const request = { prompt: 'x', stop: [() => {}] as unknown as string[] };
    await expect(engine.generate(request)[Symbol.asyncIterator]().next()).rejects.toEqual(withCode('setting_invalid'));
    expect(await ask(engine)).toHaveLength(1);
  });

  test('keeps the words of an error that nobody foresaw', async () => {
    const tune = async () => {
      throw new TypeError('x is undefined');
    };
    const engine = await load(new FakeWorker({ tune }));
    await expect(engine.tune()).rejects.toMatchObject({
      name: 'BambaError',
      code: 'internal',
      message: 'x is undefined',
    });
  });
});

describe('a question about tokens', () => {
  const never = async (): Promise<never> => NEVER;
  const ways = [
    [
      'countTokens',
      (engine: TunableEngine, signal?: AbortSignal) => engine.countTokens('ab', signal ? { signal } : {}),
      2,
    ],
    [
      'tokenize',
      (engine: TunableEngine, signal?: AbortSignal) => engine.tokenize('ab', signal ? { signal } : {}),
      [1, 2],
    ],
    [
      'detokenize',
      (engine: TunableEngine, signal?: AbortSignal) => engine.detokenize([1], signal ? { signal } : {}),
      'ab',
    ],
  ] as const;

  test.each(ways)('%s is answered beside an answer and beside tuning', async (_, count, expected) => {
    for (const state of ['answer', 'tune'] as const) {
      const { engine } = await begin(state);
      expect(await count(engine!)).toEqual(expected);
      await engine!.dispose();
      await expect(count(engine!)).rejects.toEqual(withCode('disposed'));
    }
  });

  test.each(ways)('%s tells what the worker says, and ends as soon as it is taken back', async (name, count) => {
    const error = { code: 'template_failed', message: 'No template.' } as const;
    const refused = await load(new FakeWorker({ [name]: async () => ({ error }) }));
    await expect(count(refused)).rejects.toEqual(withCode('template_failed'));

    let told = (): void => {};
    const ended = new Promise<void>((resolve) => {
      told = resolve;
    });
    const waits = async (...given: unknown[]): Promise<unknown> => {
      const port = given.at(-1) as MessagePort;
      return new Promise((resolve) => {
        port.addEventListener('message', () => {
          told();
          resolve({ error: { code: 'aborted', message: 'as it was asked to' } });
        });
        port.start();
      });
    };
    const engine = await load(new FakeWorker({ [name]: waits }));
    const controller = new AbortController();
    const counting = count(engine, controller.signal);
    controller.abort();
    await expect(counting).rejects.toEqual(withCode('aborted'));
    await ended;
    await expect(count(engine, AbortSignal.abort())).rejects.toEqual(withCode('aborted'));
    expect(await ask(engine)).toHaveLength(1);
  });

  test.each(ways)('%s waits for no worker that is dead', async (name, count) => {
    const silent = new FakeWorker({ [name]: never });
    const engine = await load(silent);
    silent.stuck = true;
    await expect(count(engine)).rejects.toEqual(worker_failed);
    expect(silent.terminated).toBeGreaterThan(0);
  });
});

describe('whether a model is available', () => {
  const find = (worker: FakeWorker, options: Partial<EngineOptions> = {}) =>
    askWorker({ model: MODEL, ...options }, worker.start, SHORT_DEADLINES);

  test('is asked of a worker, which is gone then', async () => {
    const asked: unknown[] = [];
    const availability: WorkerApi['availability'] = async (model) => {
      asked.push(model);
      return { value: { status: 'downloadable', bytes: 7 } };
    };
    const worker = new FakeWorker({ availability });
    const options = { dtype: 'int4', contextLength: 9, onProgress: () => {} } as const;
    expect(await find(worker, options)).toEqual({ status: 'downloadable', bytes: 7 });
    expect(asked).toEqual([{ model: MODEL, dtype: 'int4' }]);
    expect(worker.terminated).toBeGreaterThan(0);
  });

  test('is an error where it cannot be found out, nobody waits for it, or the worker is dead', async () => {
    const error = { code: 'network', message: 'No network.' } as const;
    await expect(find(new FakeWorker({ availability: async () => ({ error }) }))).rejects.toEqual(withCode('network'));
    await expect(find(new FakeWorker(), { colour: 'red' } as never)).rejects.toEqual(withCode('setting_invalid'));
    const controller = new AbortController();
    const waiting = new FakeWorker({ availability: async () => NEVER });
    const finding = find(waiting, { signal: controller.signal });
    controller.abort();
    await expect(finding).rejects.toEqual(withCode('aborted'));
    await expect(find(new FakeWorker({}, { stuck: true }))).rejects.toEqual(withCode('worker_failed'));
  });
});

describe('the next question', () => {
  /** A worker whose first answer ends when it is told to. */
  const slow = () => {
    let finish = () => {};
    const first = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let asked = 0;
    const worker = new FakeWorker({
      async generate(_, _resume, port) {
        if (asked++ === 0) await first;
        port.postMessage({ type: 'end' });
      },
    });
    return { worker, finish: () => finish() };
  };

  test('waits for what was left before its end', async () => {
    const { worker, finish } = slow();
    const engine = await load(worker);
    const controller = new AbortController();
    const first = ask(engine, controller.signal);
    controller.abort();
    await expect(first).rejects.toEqual(withCode('aborted'));
    const second = ask(engine);
    finish();
    expect(await second).toEqual([]);
    expect(worker.terminated).toBe(0);
  });

  test('waits for its turn, first come, first served', async () => {
    const asked: unknown[] = [];
    let finish = (): void => {};
    const engine = await load(
      new FakeWorker({
        async generate({ prompt }, _, port) {
          asked.push(prompt);
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          port.postMessage({ type: 'end' });
        },
      }),
    );
    const ended: string[] = [];
    const all = ['a', 'b', 'c'].map(async (prompt) => {
      for await (const _ of engine.generate({ prompt }));
      ended.push(prompt);
    });
    for (const upTo of [1, 2, 3]) {
      await vi.waitFor(() => expect(asked).toHaveLength(upTo));
      // Nothing of the next one reaches the worker meanwhile.
      await engine.countTokens('ab');
      expect(asked).toHaveLength(upTo);
      finish();
    }
    await Promise.all(all);
    expect([asked, ended]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
  });

  test('can be taken back while it waits', async () => {
    const { worker, finish } = slow();
    const engine = await load(worker);
    const controller = new AbortController();
    const first = ask(engine, controller.signal);
    controller.abort();
    await expect(first).rejects.toEqual(withCode('aborted'));
    await expect(ask(engine, AbortSignal.abort())).rejects.toEqual(withCode('aborted'));
    finish();
  });

  test('ends where the worker gets stuck meanwhile', async () => {
    const { worker } = slow();
    const engine = await load(worker);
    const controller = new AbortController();
    const first = ask(engine, controller.signal);
    controller.abort();
    await expect(first).rejects.toEqual(withCode('aborted'));
    worker.stuck = true;
    await expect(ask(engine)).rejects.toEqual(worker_failed);
    expect(worker.terminated).toBeGreaterThan(0);
  });
});

describe('loading', () => {
  test('ends where the worker never starts', async () => {
    const worker = new FakeWorker({}, { stuck: true });
    await expect(load(worker)).rejects.toMatchObject({
      code: 'worker_failed',
      message: expect.stringMatching(/did not start within .* Reload the page\./) as string,
    });
    expect(worker.terminated).toBeGreaterThan(0);
  });

  test('ends where the script of the worker does not load', async () => {
    const worker = new FakeWorker({}, { stuck: true });
    const loading = load(worker);
    await Promise.resolve();
    setTimeout(() => worker.fail());
    await expect(loading).rejects.toMatchObject({
      code: 'worker_failed',
      message: expect.stringMatching(/script could not be loaded\. .*Content-Security-Policy/) as string,
    });
  });

  test('ends where no worker can be made', async () => {
    vi.stubGlobal('document', { baseURI: 'https://example.org/' });
    function refuse(): never {
      throw new DOMException('not of this origin', 'SecurityError');
    }
    vi.stubGlobal('Worker', refuse);
    try {
      await expect(createEngine({ model: MODEL, worker: '/worker.js' })).rejects.toMatchObject({
        code: 'worker_failed',
        message: expect.stringMatching(/could not be started: not of this origin\. Check/) as string,
      });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test('is aborted before it begins, without a worker', async () => {
    const start = vi.fn(new FakeWorker().start);
    await expect(loadInWorker({ model: MODEL, signal: AbortSignal.abort() }, start, SHORT_DEADLINES)).rejects.toEqual(
      withCode('aborted'),
    );
    expect(start).not.toHaveBeenCalled();
  });

  test('is aborted in the tick that it begins in, or while the worker is fetched', async () => {
    for (const turns of [0, 1, 3]) {
      const worker = new FakeWorker();
      let arrive: (worker: Worker) => void = () => {};
      const arriving = new Promise<Worker>((resolve) => {
        arrive = resolve;
      });
      const controller = new AbortController();
      const loading = loadInWorker({ model: MODEL, signal: controller.signal }, () => arriving, SHORT_DEADLINES);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      controller.abort();
      await expect(loading).rejects.toEqual(withCode('aborted'));
      arrive(worker as unknown as Worker);
      await vi.waitFor(() => expect(worker.terminated).toBe(1));
    }
  });

  test('is aborted in whichever turn the signal comes', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const loadSlowly = async () => NEVER;
      const worker = new FakeWorker({ load: loadSlowly });
      const controller = new AbortController();
      const loading = load(worker, { signal: controller.signal });
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      controller.abort();
      await expect(loading).rejects.toEqual(withCode('aborted'));
      await vi.waitFor(() => expect(worker.terminated).toBeGreaterThan(0));
    }
  });

  test('is aborted also where the worker was quicker', async () => {
    const controller = new AbortController();
    const worker = new FakeWorker({
      async load() {
        controller.abort();
        return { value: INFO };
      },
    });
    await expect(load(worker, { signal: controller.signal })).rejects.toEqual(withCode('aborted'));
    expect(worker.terminated).toBeGreaterThan(0);
  });

  test('lets the worker put away what has come, and tells no more of it', async () => {
    const told: string[] = [];
    const controller = new AbortController();
    let aborted = () => {};
    const abortLoading = vi.fn(() => aborted());
    const worker = new FakeWorker({
      abortLoading,
      async load(_, onProgress) {
        const progress = {
          stage: 'weights',
          loaded: 1,
          total: 2,
          progress: 0.4,
          source: 'network',
          bytesPerSecond: 0,
          secondsLeft: 0,
        } as const;
        await onProgress(progress);
        await new Promise<void>((resolve) => {
          aborted = resolve;
        });
        await onProgress(progress);
        return { error: { code: 'aborted', message: 'as it was asked to' } };
      },
    });
    const onProgress = () => {
      told.push('progress');
      controller.abort();
    };
    await expect(load(worker, { signal: controller.signal, onProgress })).rejects.toEqual(withCode('aborted'));
    expect(abortLoading).toHaveBeenCalledOnce();
    expect(told).toEqual(['progress']);
  });
});
