import { afterEach, describe, expect, it, vi } from 'vitest';
import { HelperWorker, type HelperPort } from './helper-worker.ts';

/** A worker that does with each message what the test says. */
class FakePort extends EventTarget implements HelperPort {
  terminated = false;
  readonly #act: (text: string, port: FakePort) => void;

  constructor(act: (text: string, port: FakePort) => void) {
    super();
    this.#act = act;
  }

  postMessage(text: string): void {
    queueMicrotask(() => this.#act(text, this));
  }

  answer(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  breakDown(): void {
    this.dispatchEvent(new Event('error'));
  }

  terminate(): void {
    this.terminated = true;
  }
}

function helper(act: (text: string, port: FakePort) => void): {
  ports: FakePort[];
  worker: HelperWorker<string, string>;
} {
  const ports: FakePort[] = [];
  const worker = new HelperWorker<string, string>(
    async () => {
      const port = new FakePort(act);
      ports.push(port);
      return port;
    },
    { deadlineMs: 1000, startMs: 5000 },
  );
  return { ports, worker };
}

afterEach(() => vi.useRealTimers());

describe('HelperWorker', () => {
  it('answers in the order of requests, with one worker', async () => {
    const { ports, worker } = helper((text, port) => port.answer(text.toUpperCase()));
    expect(await Promise.all(['a', 'b', 'c'].map((text) => worker.ask(text)))).toEqual(['A', 'B', 'C']);
    expect(ports).toHaveLength(1);
  });

  it('refuses what the worker refuses', async () => {
    const { worker } = helper((_text, port) => port.answer({ failed: true }));
    expect(await worker.ask('a')).toBe('refused');
  });

  it('ends a worker that does not keep its deadline, and goes on with another', async () => {
    vi.useFakeTimers();
    const { ports, worker } = helper((text, port) => text !== 'slow' && port.answer(text));
    const answers = Promise.all(['a', 'slow', 'b'].map((text) => worker.ask(text)));
    await vi.advanceTimersByTimeAsync(1500);
    expect(await answers).toEqual(['a', 'refused', 'b']);
    expect(ports.map(({ terminated }) => terminated)).toEqual([true, false]);
  });

  it('gives the first request of a worker more time', async () => {
    vi.useFakeTimers();
    const { worker } = helper((text, port) => void setTimeout(() => port.answer(text), 3000));
    const first = worker.ask('a');
    const second = worker.ask('b');
    await vi.advanceTimersByTimeAsync(10_000);
    expect([await first, await second]).toEqual(['a', 'refused']);
  });

  it('is unavailable while the worker cannot be had, and tries again', async () => {
    let there = false;
    const worker = new HelperWorker<string, string>(async () => {
      if (!there) throw new TypeError('Failed to fetch dynamically imported module');
      return new FakePort((text, port) => port.answer(text));
    });
    expect(await worker.ask('a')).toBe('unavailable');
    there = true;
    expect(await worker.ask('a')).toBe('a');
  });

  it('is unavailable where the worker breaks down before its first answer, and refuses after that', async () => {
    const { ports, worker } = helper((text, port) => (text === 'break' ? port.breakDown() : port.answer(text)));
    expect(await worker.ask('break')).toBe('unavailable');
    expect(await worker.ask('a')).toBe('a');
    expect(await worker.ask('break')).toBe('refused');
    expect(await worker.ask('b')).toBe('b');
    expect(ports).toHaveLength(3);
  });
});
