import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import { FakeLocks } from '../../testing/browser/fake-locks.ts';
import { FakeTab } from '../../testing/browser/fake-tabs.ts';
import { INFO, NEVER, SHORT_DEADLINES } from '../../testing/browser/fake-worker.ts';
import type { ResumePoint } from '../answers/answer-course.ts';
import { loadInWorker } from '../client.ts';
import type { Deadlines } from '../worker/deadlines.ts';
import type { LoadEngine } from '../worker/engine-host.ts';
import { Listeners } from '../listeners.ts';
import type { LocalEngine } from '../local-engine.ts';
import type {
  EngineOptions,
  EngineStatus,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  StateEngine,
} from '../protocol.ts';
import { Turns } from '../turns.ts';
import { sharedNames } from './names.ts';
import type { SharedPlaces } from './open-shared.ts';
import { VERSION } from './version.ts';

// Several tabs with one engine, over channels that copy their messages. Each tab hears every token of its answers once,
// whichever tab is closed, and whenever. There are never two engines.

const SHORT: Deadlines = { ...SHORT_DEADLINES, again: [0, 1, 2] };
const TOKENS = [1, 2, 3, 4, 5, 6];
const TEXT = '123456';

/** An engine that has the words, and no model. It takes turns as the real one. */
class WordEngine {
  readonly #turns = new Turns();
  readonly #statuses = new Listeners<EngineStatus>();
  readonly info = INFO;
  /** What became of each answer. */
  readonly ended: string[];
  /** Waited for before each token. */
  readonly #pace: () => Promise<unknown>;

  constructor(pace: () => Promise<unknown>, ended: string[]) {
    this.#pace = pace;
    this.ended = ended;
  }

  onStatus(listener: (status: EngineStatus) => void): () => void {
    return this.#statuses.add(listener);
  }

  tell(status: EngineStatus): void {
    this.#statuses.tell(status);
  }

  async *generate(
    { prompt }: GenerationRequest,
    { signal, queue, resume }: GenerateOptions & { resume?: ResumePoint } = {},
  ): AsyncGenerator<GenerationEvent, void> {
    const leave = await this.#turns.take({ signal, queue });
    try {
      if (!resume) yield { type: 'prefill', processed: 2, total: 2 };
      for (const id of TOKENS.slice(resume?.ids.length ?? 0)) {
        await this.#pace();
        if (signal?.aborted) break;
        yield { type: 'text', text: String(id), ids: [id] };
      }
      const finishReason = signal?.aborted ? 'abort' : 'stop';
      this.ended.push(`${String(prompt)} ${finishReason}`);
      yield { type: 'end', finishReason, usage: { completionTokens: TOKENS.length } } as GenerationEvent;
    } finally {
      leave();
    }
  }

  async tune({ onProgress }: { onProgress: (progress: unknown) => void }): Promise<unknown> {
    for (const done of [1, 2]) onProgress({ trial: {}, done, total: 2 });
    return { tuning: {}, trials: [], kept: true };
  }

  async countTokens(input: string): Promise<number> {
    return input.length;
  }

  async exportState(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array([1, 2, 3]);
  }

  dispose(): void {
    this.#turns.end(new BambaError('disposed', 'The engine was disposed. Create another one.'));
  }
}

/** A site with tabs, which want the same model. */
class Site {
  readonly locks = new FakeLocks();
  readonly tabs: FakeTab[] = [];
  /** By load, which ones are done. */
  readonly engines: WordEngine[] = [];
  readonly ended: string[] = [];
  loads = 0;
  pace = (): Promise<unknown> => Promise.resolve();
  beforeLoad: () => Promise<unknown> = () => Promise.resolve();

  readonly #load: LoadEngine = async (_, { report, signal }) => {
    this.loads++;
    report({ stage: 'weights', loaded: 1, total: 2 });
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new BambaError('aborted', 'Loading was aborted.')));
    });
    await Promise.race([this.beforeLoad(), aborted]);
    const engine = new WordEngine(() => this.pace(), this.ended);
    this.engines.push(engine);
    return engine as unknown as LocalEngine;
  };

  async open(
    options: Partial<EngineOptions> = {},
    places: Partial<SharedPlaces> = {},
    deadlines = SHORT,
  ): Promise<{ engine: StateEngine; tab: FakeTab; statuses: EngineStatus[] }> {
    const { tab, loading } = this.begin(options, places, deadlines);
    const engine = await loading;
    const statuses: EngineStatus[] = [];
    engine.onStatus((status) => statuses.push(status));
    return { engine, tab, statuses };
  }

  begin(
    options: Partial<EngineOptions> = {},
    places: Partial<SharedPlaces> = {},
    deadlines = SHORT,
  ): { tab: FakeTab; loading: Promise<StateEngine> } {
    const tab = new FakeTab(this.locks, this.#load);
    this.tabs.push(tab);
    const all = { model: 'org/name', shareAcrossTabs: true, ...options };
    const loading = loadInWorker(all, tab.start, deadlines, { ...tab.places, ...places });
    loading.catch(() => {}); // of interest once it is waited for
    return { tab, loading };
  }
}

let site: Site;

beforeEach(() => {
  site = new Site();
  // What a link looks at, as a page does.
  vi.stubGlobal('navigator', { locks: site.locks.of({}) });
});

afterEach(() => {
  for (const tab of site.tabs) tab.close();
  vi.unstubAllGlobals();
});

async function ask(
  engine: StateEngine,
  prompt = 'x',
  options: GenerateOptions = {},
  hear: (event: GenerationEvent) => void = () => {},
): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  for await (const event of engine.generate({ prompt }, options)) {
    events.push(event);
    hear(event);
  }
  return events;
}

/** Waits for what is to come soon; on a machine that does other work, a second may pass before anything does. */
const waitFor = async (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000 });

const textOf = (events: readonly GenerationEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

/** What comes when it is told to. */
function aWait(): { until: Promise<void>; go: () => void } {
  let go = (): void => {};
  const until = new Promise<void>((resolve) => {
    go = resolve;
  });
  return { until, go };
}

describe('tabs that share an engine', () => {
  test('load it once, and each is answered, counts, exports and tunes', async () => {
    const [one, two] = [await site.open(), await site.open()];
    expect(site.loads).toBe(1);
    expect(two.tab.workers).toEqual([]);
    expect(two.engine.info).toEqual(INFO);
    for (const { engine } of [one, two]) {
      const events = await ask(engine);
      expect(textOf(events)).toBe(TEXT);
      expect(events.map(({ type }) => type)).toEqual(['prefill', ...TOKENS.map(() => 'text'), 'end']);
      expect(await engine.countTokens('abc')).toBe(3);
      expect(await engine.exportState([])).toEqual(new Uint8Array([1, 2, 3]));
      const told: number[] = [];
      await engine.tune({ onProgress: ({ done }) => told.push(done) });
      expect(told).toEqual([1, 2]);
    }
  });

  test('that are opened at the same moment load it once', async () => {
    const opened = await Promise.all([site.open(), site.open(), site.open(), site.open()]);
    expect(site.loads).toBe(1);
    expect(opened.map(({ tab }) => tab.workers.length).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 1]);
    const answers = await Promise.all(opened.map(({ engine }) => ask(engine)));
    expect(answers.map(textOf)).toEqual([TEXT, TEXT, TEXT, TEXT]);
  });

  test('hear how far the load is that another began, and how it fails', async () => {
    const wait = aWait();
    site.beforeLoad = async () => {
      await wait.until;
      throw new BambaError('network', 'No network. Check the connection.');
    };
    const told: string[] = [];
    const one = site.begin();
    await waitFor(() => expect(site.loads).toBe(1));
    const two = site.begin({ onProgress: ({ stage, loaded }) => told.push(`${stage} ${loaded}`) });
    await waitFor(() => expect(told).toEqual(['weights 1']));
    wait.go();
    for (const { loading } of [one, two]) await expect(loading).rejects.toMatchObject({ code: 'network' });
    // Nothing is left of it that keeps the next one from trying.
    site.beforeLoad = () => Promise.resolve();
    expect(textOf(await ask((await site.open()).engine))).toBe(TEXT);
  });

  test('wait for each other, unless they do not want to', async () => {
    const [one, two] = [await site.open(), await site.open()];
    const wait = aWait();
    site.pace = () => wait.until;
    const first = ask(one.engine, 'first');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(ask(two.engine, 'now', { queue: false })).rejects.toMatchObject({ code: 'busy' });
    const second = ask(two.engine, 'second');
    const taken = new AbortController();
    const third = ask(two.engine, 'third', { signal: taken.signal });
    taken.abort();
    await expect(third).rejects.toMatchObject({ code: 'aborted' });
    wait.go();
    expect(textOf(await first)).toBe(TEXT);
    expect(textOf(await second)).toBe(TEXT);
    expect(site.ended).toEqual(['first stop', 'second stop']);
  });

  test('hear when the GPU is lost', async () => {
    const [one, two] = [await site.open(), await site.open()];
    const status: EngineStatus = { status: 'recovering', attempt: 1, reason: 'device_lost', message: 'Lost.' };
    site.engines[0]!.tell(status);
    for (const { statuses } of [one, two]) await waitFor(() => expect(statuses).toEqual([status]));
  });

  test('stop an answer of their own', async () => {
    await site.open();
    const { engine } = await site.open();
    const stop = new AbortController();
    site.pace = () => new Promise((resolve) => setTimeout(resolve, 5));
    const events = await ask(engine, 'x', { signal: stop.signal }, ({ type }) => type === 'text' && stop.abort());
    expect(events.at(-1)).toMatchObject({ type: 'end', finishReason: 'abort' });
    expect(textOf(events).length).toBeLessThan(TOKENS.length);
  });

  test('are not held up by one that is closed in the middle of its answer', async () => {
    const one = await site.open();
    const two = await site.open();
    site.pace = () => new Promise((resolve) => setTimeout(resolve, 10));
    ask(two.engine, 'left').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    two.tab.close();
    expect(textOf(await ask(one.engine, 'mine'))).toBe(TEXT);
    expect(site.ended).toEqual(['left abort', 'mine stop']);
  });

  test('leave it to the others when they are done with it', async () => {
    const [one, two, three] = [await site.open(), await site.open(), await site.open()];
    await two.engine.dispose();
    expect(textOf(await ask(three.engine))).toBe(TEXT);
    await one.engine.dispose();
    expect(textOf(await ask(three.engine))).toBe(TEXT);
    expect(site.loads).toBe(2);
    expect(new Set(three.statuses.map(({ status }) => status))).toEqual(new Set(['recovering', 'ready']));
    expect(three.statuses[0]!.message).toMatch(/^The tab that ran the model for this one is gone/);
    await expect(ask(one.engine)).rejects.toMatchObject({ code: 'disposed' });
  });

  test('load it where the one that began does not want it any more', async () => {
    const wait = aWait();
    site.beforeLoad = () => (site.loads === 1 ? NEVER : wait.until);
    const stop = new AbortController();
    const one = site.begin({ signal: stop.signal });
    await waitFor(() => expect(site.loads).toBe(1));
    const two = site.begin();
    await new Promise((resolve) => setTimeout(resolve, 30));
    stop.abort();
    await expect(one.loading).rejects.toMatchObject({ code: 'aborted' });
    wait.go();
    expect(textOf(await ask(await two.loading))).toBe(TEXT);
    expect(site.loads).toBe(2);
  });
});

/** Events of one answer, and so many moments to close a tab at. */
const STEPS = TOKENS.length + 2;

describe.each([
  ['at once', 0],
  ['once what it said has come', 5],
])('a tab with the engine that is closed %s', (_, delay) => {
  test.each(Array.from({ length: STEPS }, (_unused, index) => index))(
    'behind event %i of another one',
    async (step) => {
      const one = await site.open();
      const two = await site.open();
      const three = await site.open();
      site.pace = () => new Promise((resolve) => setTimeout(resolve, 2));
      let heard = 0;
      const close = (): void => {
        if (heard++ !== step) return;
        if (delay === 0) one.tab.close();
        else setTimeout(() => one.tab.close(), delay);
      };
      const answers = Promise.all([ask(two.engine, 'two', {}, close), ask(three.engine, 'three')]);
      for (const events of await answers) {
        expect(events.flatMap((event) => (event.type === 'text' ? event.ids : []))).toEqual(TOKENS);
        expect(textOf(events)).toBe(TEXT);
        expect(events.filter(({ type }) => type === 'end')).toHaveLength(1);
      }
      await waitFor(() => expect(two.statuses.at(-1)?.status).toBe('ready'));
      expect(textOf(await ask(three.engine))).toBe(TEXT);
      // One of the two has it now, and no third one.
      expect(site.loads).toBe(2);
      expect([two, three].map(({ tab }) => tab.workers.length).toSorted((a, b) => a - b)).toEqual([0, 1]);
    },
  );
});

describe('a tab', () => {
  test('goes on as often as others are closed that had the engine', async () => {
    let leader = await site.open();
    // Slower than any other one, it never has it before the end.
    const last = await site.open({}, {}, { ...SHORT, again: [100, 100, 100] });
    for (let turn = 0; turn < 5; turn++) {
      const next = await site.open();
      await new Promise((resolve) => setTimeout(resolve, 2 * SHORT.tick));
      leader.tab.close();
      expect(await last.engine.countTokens('ab')).toBe(2);
      expect(last.tab.workers).toEqual([]);
      leader = next;
    }
    leader.tab.close();
    expect(textOf(await ask(last.engine))).toBe(TEXT);
    expect(last.statuses.map(({ status }) => status)).not.toContain('failed');
    expect(site.loads).toBe(7);
  });

  test('finds out for another one that its worker is stuck', async () => {
    const one = await site.open();
    one.tab.workers[0]!.stuck = true;
    const two = await site.open();
    expect(textOf(await ask(two.engine))).toBe(TEXT);
    expect(site.loads).toBe(2);
    expect(textOf(await ask(one.engine))).toBe(TEXT);
  });

  test('does not share with other options, nor what is not to be shared', async () => {
    await site.open();
    await site.open({ contextLength: 64 });
    await site.open({ shareAcrossTabs: false });
    expect(site.loads).toBe(3);
  });

  describe('loads an engine of its own, and says so,', () => {
    const alone = async (options: Partial<EngineOptions>, places: Partial<SharedPlaces>): Promise<string[]> => {
      const messages: string[] = [];
      const onProgress: EngineOptions['onProgress'] = ({ message }) => {
        if (message !== undefined) messages.push(message);
      };
      const { engine, tab } = await site.open({ onProgress, ...options }, places);
      expect(tab.workers).toHaveLength(1);
      expect(textOf(await ask(engine))).toBe(TEXT);
      await engine.dispose();
      return messages;
    };

    test.each<[string, Partial<EngineOptions>, Partial<SharedPlaces>, RegExp]>([
      ['without locks', {}, { locks: null }, /^This browser does not let tabs share/],
      ['without channels', {}, { openChannel: null }, /^This browser does not let tabs share/],
      [
        'where the page may not have any',
        {},
        { locks: { request: () => Promise.reject(new DOMException('sandboxed', 'SecurityError')) } },
        /^This browser does not let tabs of this page share/,
      ],
      ['with files', { files: [] }, {}, /^Files that were chosen in one tab/],
    ])('%s', async (_, options, places, sentence) => {
      await site.open();
      expect(await alone(options, places)).toEqual([expect.stringMatching(sentence)]);
      expect(site.loads).toBe(2);
    });

    test('where the tab that has it does not answer', async () => {
      const { engine } = await sharedNames({ model: 'org/name' });
      void site.locks.of({}).request(engine, {}, () => NEVER);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await alone({}, {})).toEqual([
        'Another tab has the model. Waiting for its answer.',
        'Another tab has the model, and does not answer. This tab loads the model for itself.',
      ]);
    });

    test('where the other one has another version', async () => {
      const { engine } = await sharedNames({ model: 'org/name' });
      void site.locks.of({}).request(`${engine}-beta`, {}, () => NEVER);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await alone({}, {})).toEqual([expect.stringMatching(/in another version of this page/)]);
    });
  });

  test('that is not wanted any more while it waits for another one leaves nothing behind', async () => {
    const { engine } = await sharedNames({ model: 'org/name' });
    let free = (): void => {};
    const holding = new Promise<void>((resolve) => {
      free = resolve;
    });
    void site.locks.of({}).request(engine, {}, () => holding);
    const stop = new AbortController();
    const { tab, loading } = site.begin({ signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 30));
    stop.abort();
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
    free();
    expect(textOf(await ask((await site.open()).engine))).toBe(TEXT);
    expect(tab.workers).toEqual([]);
    const { held } = await site.locks.of({}).query();
    expect(held!.filter(({ name }) => name!.endsWith('lives'))).toEqual([]);
  });
});

describe('what tabs know each other by', () => {
  test('is what they ask for, however it is written', async () => {
    const { engine } = await sharedNames({ model: 'org/name', dtype: 'int8' });
    expect(
      await sharedNames({ dtype: 'int8', contextLength: undefined, token: 'hf_x', model: 'org/name' }),
    ).toMatchObject({
      engine,
    });
    for (const other of [{ model: 'org/other', dtype: 'int8' }, { model: 'org/name' }] as const) {
      expect((await sharedNames(other)).engine).not.toBe(engine);
    }
  });

  test('is the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(VERSION).toBe(version);
  });
});
