import { describe, expect, it } from 'vitest';
import type { Engine, EngineInfo, EngineOptions, LoadProgress } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { EngineLoader } from './engine-loader.ts';

const PROGRESS: LoadProgress = {
  stage: 'weights',
  loaded: 1,
  total: 2,
  progress: 0.4,
  source: 'network',
  bytesPerSecond: 1,
  secondsLeft: 1,
};

/** A loading engine that the test finishes by hand. */
class Attempt {
  disposed = 0;
  options: EngineOptions | undefined;
  finish: () => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;

  readonly create = (options: EngineOptions): Promise<Engine> => {
    this.options = options;
    return new Promise((resolve, reject) => {
      this.finish = () => resolve(this.engine);
      this.fail = reject;
    });
  };

  readonly engine = {
    info: { model: { name: 'one' } } as EngineInfo,
    generate: () => {
      throw new Error('not asked here');
    },
    dispose: async () => {
      this.disposed++;
    },
  } satisfies Engine;
}

async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

describe('EngineLoader', () => {
  it('goes from loading, with progress, to ready', async () => {
    const states: string[] = [];
    const loader = new EngineLoader(() => states.push(loader.state.kind));
    const attempt = new Attempt();
    const done = loader.load(attempt.create, { model: 'https://example.org/model/' });
    expect(loader.state).toEqual({ kind: 'loading', progress: undefined });
    attempt.options?.onProgress?.(PROGRESS);
    expect(loader.state).toEqual({ kind: 'loading', progress: PROGRESS });
    attempt.finish();
    await done;
    expect(loader.engine?.info).toBe(attempt.engine.info);
    expect(states).toEqual(['loading', 'loading', 'ready']);
  });

  it('stays ready when a report of progress comes late', async () => {
    const loader = new EngineLoader(() => undefined);
    const attempt = new Attempt();
    const done = loader.load(attempt.create, { model: 'm' });
    attempt.finish();
    await done;
    attempt.options?.onProgress?.(PROGRESS);
    expect(loader.state.kind).toBe('ready');
  });

  it('turns a failure into a state', async () => {
    const loader = new EngineLoader(() => undefined);
    const attempt = new Attempt();
    const done = loader.load(attempt.create, { model: 'm' });
    attempt.fail(new BambaError('network', 'The server is away.'));
    await done;
    expect(loader.state).toMatchObject({ kind: 'failed', fault: { code: 'network', message: 'The server is away.' } });
  });

  it('disposes an engine that comes after loading was ended, and hears no more of its progress', async () => {
    const loader = new EngineLoader(() => undefined);
    const first = new Attempt();
    const second = new Attempt();
    const firstDone = loader.load(first.create, { model: 'one' });
    const secondDone = loader.load(second.create, { model: 'two' });
    expect(first.options?.signal?.aborted).toBe(true);
    first.options?.onProgress?.(PROGRESS);
    expect(loader.state).toEqual({ kind: 'loading', progress: undefined });
    first.finish();
    await firstDone;
    await settle();
    expect(first.disposed).toBe(1);
    second.finish();
    await secondDone;
    expect(loader.engine?.info).toBe(second.engine.info);
  });

  it('frees the engine once, however often it is disposed', async () => {
    const loader = new EngineLoader(() => undefined);
    const attempt = new Attempt();
    const done = loader.load(attempt.create, { model: 'm' });
    attempt.finish();
    await done;
    loader.dispose();
    loader.dispose();
    await settle();
    expect(attempt.disposed).toBe(1);
    expect(loader.state).toEqual({ kind: 'idle' });
  });
});
