import { describe, expect, it } from 'vitest';
import type { Engine, EngineInfo, EngineOptions, GenerationEvent, LoadProgress } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { claimEngine, queued } from './engines.ts';

const PROGRESS: LoadProgress = {
  stage: 'weights',
  loaded: 1,
  total: 2,
  progress: 0.4,
  source: 'network',
  bytesPerSecond: 1,
  secondsLeft: 1,
};

/** An engine that counts who asks it at the same time. */
class CountingEngine implements Engine {
  readonly info = { model: { name: 'one' } } as EngineInfo;
  readonly asked: string[] = [];
  disposed = 0;
  together = 0;
  most = 0;
  fault: Error | undefined;

  async *generate(request: { prompt?: string }): AsyncGenerator<GenerationEvent> {
    this.asked.push(request.prompt ?? '');
    this.most = Math.max(this.most, ++this.together);
    try {
      await settle();
      if (this.fault) throw this.fault;
      yield { type: 'text', text: request.prompt ?? '', ids: [1] };
      await settle();
    } finally {
      this.together--;
    }
  }

  async dispose(): Promise<void> {
    this.disposed++;
  }
}

/** Makes engines, and keeps what it was asked for. */
function factory() {
  const made: { engine: CountingEngine; options: EngineOptions }[] = [];
  const create = async (options: EngineOptions): Promise<Engine> => {
    const engine = new CountingEngine();
    made.push({ engine, options });
    options.onProgress?.(PROGRESS);
    await settle();
    if (options.signal?.aborted) throw new BambaError('aborted', 'Loading was aborted.');
    return engine;
  };
  return { made, create };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

async function textOf(engine: Engine, prompt: string, signal?: AbortSignal): Promise<string> {
  let text = '';
  for await (const event of engine.generate({ prompt }, signal ? { signal } : {})) {
    if (event.type === 'text') text += event.text;
  }
  return text;
}

const ignore = (): void => undefined;

describe('claimEngine', () => {
  it('gives everyone who asks for the same model the same engine, and frees it after the last', async () => {
    const { made, create } = factory();
    const heard: LoadProgress[] = [];
    const one = claimEngine(create, { model: 'a/b', dtype: 'int8' }, ignore);
    // A later element hears how far loading is.
    const two = claimEngine(create, { model: 'a/b', dtype: 'int8' }, (progress) => heard.push(progress));
    expect(heard).toEqual([PROGRESS]);
    expect(await one.engine).toBe(await two.engine);
    expect(made).toHaveLength(1);
    one.release();
    one.release();
    await settle();
    expect(made[0]?.engine.disposed).toBe(0);
    two.release();
    await settle();
    expect(made[0]?.engine.disposed).toBe(1);
  });

  it('makes another engine for other options, and for other files of the same name', async () => {
    const { made, create } = factory();
    const files = [new File(['1'], 'config.json')];
    const claims = [
      claimEngine(create, { model: 'a/b' }, ignore),
      claimEngine(create, { model: 'a/b', dtype: 'int4' }, ignore),
      claimEngine(create, { model: 'a/b', contextLength: 64 }, ignore),
      claimEngine(create, { model: 'a/b', files }, ignore),
      claimEngine(create, { model: 'a/b', files: [...files] }, ignore),
      claimEngine(create, { model: 'a/b', files }, ignore),
    ];
    await Promise.all(claims.map(({ engine }) => engine));
    expect(made).toHaveLength(5);
  });

  it('aborts loading when nobody waits for it any more, and not before', async () => {
    const { made, create } = factory();
    const one = claimEngine(create, { model: 'a/b' }, ignore);
    const two = claimEngine(create, { model: 'a/b' }, ignore);
    one.release();
    await expect(one.engine).rejects.toMatchObject({ code: 'aborted' });
    expect(made[0]?.options.signal?.aborted).toBe(false);
    two.release();
    expect(made[0]?.options.signal?.aborted).toBe(true);
    // The next one begins anew.
    const three = claimEngine(create, { model: 'a/b' }, ignore);
    await three.engine;
    expect(made).toHaveLength(2);
  });

  it('makes another engine after one has failed for good', async () => {
    const { made, create } = factory();
    const one = claimEngine(create, { model: 'a/b' }, ignore);
    const engine = await one.engine;
    made[0]!.engine.fault = new BambaError('device_lost', 'The GPU is gone.');
    await expect(textOf(engine, 'x')).rejects.toMatchObject({ code: 'device_lost' });
    const two = claimEngine(create, { model: 'a/b' }, ignore);
    expect(await two.engine).not.toBe(engine);
    expect(made).toHaveLength(2);
    one.release();
    await settle();
    expect(made.map(({ engine: { disposed } }) => disposed)).toEqual([1, 0]);
  });

  it('tries again after loading has failed', async () => {
    let times = 0;
    const create = async (): Promise<Engine> => {
      if (++times === 1) throw new BambaError('network', 'Away.');
      return new CountingEngine();
    };
    await expect(claimEngine(create, { model: 'a/b' }, ignore).engine).rejects.toMatchObject({ code: 'network' });
    await expect(claimEngine(create, { model: 'a/b' }, ignore).engine).resolves.toBeDefined();
  });
});

describe('queued', () => {
  it('answers one after the other, in the order in which they were asked', async () => {
    const engine = new CountingEngine();
    expect(queued(engine)).toBe(queued(engine));
    const texts = await Promise.all(['one', 'two', 'three'].map((prompt) => textOf(queued(engine), prompt)));
    expect(texts).toEqual(['one', 'two', 'three']);
    expect(engine.asked).toEqual(['one', 'two', 'three']);
    expect(engine.most).toBe(1);
  });

  it('takes back a question that waits, and lets the next one pass', async () => {
    const engine = new CountingEngine();
    const controller = new AbortController();
    const first = textOf(queued(engine), 'first');
    const taken = textOf(queued(engine), 'taken back', controller.signal);
    const last = textOf(queued(engine), 'last');
    controller.abort();
    await expect(taken).rejects.toMatchObject({ code: 'aborted' });
    expect([await first, await last]).toEqual(['first', 'last']);
    expect(engine.asked).toEqual(['first', 'last']);
  });

  it('goes on after a request that failed, and after one that was left early', async () => {
    const engine = new CountingEngine();
    engine.fault = new BambaError('setting_invalid', 'No.');
    await expect(textOf(queued(engine), 'fails')).rejects.toMatchObject({ code: 'setting_invalid' });
    engine.fault = undefined;
    for await (const event of queued(engine).generate({ prompt: 'left' })) if (event.type === 'text') break;
    expect(await textOf(queued(engine), 'next')).toBe('next');
    expect(engine.most).toBe(1);
  });
});
