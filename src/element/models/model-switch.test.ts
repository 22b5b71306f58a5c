import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Engine, EngineInfo } from '../../engine/protocol.ts';
import { BambaError, type ErrorCode } from '../../errors.ts';
import { ModelSwitch, type ModelOrder } from './model-switch.ts';

/** A model whose loading the test ends by hand, and which counts what is alive of it. */
class TestModel {
  readonly name: string;
  loads = 0;
  alive = 0;
  #finish: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(name: string) {
    this.name = name;
  }

  readonly order: ModelOrder = {
    create: () => this.#create(),
    options: { model: 'of a test' },
  };

  finish(): void {
    this.#finish();
  }

  fail(code: ErrorCode): void {
    this.#fail(new BambaError(code, `${this.name} fails.`));
  }

  /** An abort comes too late for it: whoever aborted gets the engine nevertheless, and frees it. */
  #create(): Promise<Engine> {
    this.loads++;
    return new Promise((resolve, reject) => {
      this.#finish = () => {
        this.#finish = () => undefined;
        this.alive++;
        resolve({
          info: { model: { name: this.name } } as EngineInfo,
          generate: () => {
            throw new Error('not asked here');
          },
          dispose: async () => {
            this.alive--;
          },
        });
      };
      this.#fail = (error) => {
        this.#finish = () => undefined;
        reject(error);
      };
    });
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

interface Scene {
  models: ModelSwitch;
  lexicon: TestModel;
  granite: TestModel;
  loaded: ModelOrder[];
  state: { busy: boolean };
}

/** A switch with Lexicon running in it. */
async function begin(): Promise<Scene> {
  const loaded: ModelOrder[] = [];
  const state = { busy: false };
  const models = new ModelSwitch({
    changed: () => undefined,
    loaded: (order) => loaded.push(order),
    busy: () => state.busy,
  });
  const [lexicon, granite] = [new TestModel('Lexicon'), new TestModel('Granite')];
  models.load(lexicon.order);
  lexicon.finish();
  await settle();
  return { models, lexicon, granite, loaded, state };
}

const nameOf = (models: ModelSwitch): string | undefined => models.engine?.info.model.name;

describe('ModelSwitch', () => {
  it('lets the model that runs answer until another is ready, then frees it', async () => {
    const { models, lexicon, granite, loaded } = await begin();
    expect(loaded).toEqual([]);
    models.change(granite.order);
    expect(nameOf(models)).toBe('Lexicon');
    expect(models.loading).toMatchObject({ order: granite.order, waiting: false });
    granite.finish();
    await settle();
    expect(nameOf(models)).toBe('Granite');
    expect(models.loading).toBeUndefined();
    expect(loaded).toEqual([granite.order]);
    expect([lexicon.alive, granite.alive]).toEqual([0, 1]);
  });

  it('takes no engine from an answer that is being written', async () => {
    const { models, lexicon, granite, loaded, state } = await begin();
    state.busy = true;
    models.change(granite.order);
    granite.finish();
    await settle();
    expect(nameOf(models)).toBe('Lexicon');
    expect(models.loading).toMatchObject({ waiting: true });
    expect(loaded).toEqual([]);
    models.settle();
    expect(nameOf(models)).toBe('Lexicon');
    state.busy = false;
    models.settle();
    await settle();
    expect(nameOf(models)).toBe('Granite');
    expect(lexicon.alive).toBe(0);
  });

  it('keeps what runs where another cannot be loaded, and loads that once more when asked', async () => {
    const { models, lexicon, granite, loaded } = await begin();
    models.change(granite.order);
    granite.fail('network');
    await settle();
    expect(nameOf(models)).toBe('Lexicon');
    expect(models.failure).toMatchObject({ order: granite.order, fault: { code: 'network' }, asked: true });
    expect(models.loading).toBeUndefined();
    models.retry();
    expect(models.failure).toBeUndefined();
    granite.finish();
    await settle();
    expect(nameOf(models)).toBe('Granite');
    expect(loaded).toEqual([granite.order]);
    expect([lexicon.alive, granite.loads]).toEqual([0, 2]);
  });

  it('forgets a failure that was read', async () => {
    const { models, granite } = await begin();
    models.change(granite.order);
    granite.fail('network');
    await settle();
    models.dismiss();
    expect(models.failure).toBeUndefined();
    expect(nameOf(models)).toBe('Lexicon');
  });

  it('ends loading when that is cancelled, and frees what comes of it later', async () => {
    const { models, lexicon, granite, loaded } = await begin();
    models.change(granite.order);
    models.cancel();
    expect(models.loading).toBeUndefined();
    expect(models.failure).toBeUndefined();
    granite.finish();
    await settle();
    expect(nameOf(models)).toBe('Lexicon');
    expect([lexicon.alive, granite.alive]).toEqual([1, 0]);
    expect(loaded).toEqual([]);
  });

  it('frees what runs only when asked to, and brings it back where the other fails again', async () => {
    const { models, lexicon, granite, loaded } = await begin();
    models.change(granite.order);
    granite.fail('out_of_memory');
    await settle();
    expect(lexicon.alive).toBe(1);
    models.retryAlone();
    await settle();
    expect(lexicon.alive).toBe(0);
    expect(models.engine).toBeUndefined();
    granite.fail('out_of_memory');
    await settle();
    expect(models.failure).toMatchObject({ order: granite.order });
    expect(models.loading).toMatchObject({ order: lexicon.order });
    lexicon.finish();
    await settle();
    expect(nameOf(models)).toBe('Lexicon');
    // The failure is still there to be read.
    expect(models.failure).toMatchObject({ order: granite.order });
    expect(loaded).toEqual([]);
  });

  it('brings back what was freed when the other is cancelled', async () => {
    const { models, lexicon, granite } = await begin();
    models.change(granite.order);
    granite.fail('out_of_memory');
    await settle();
    models.retryAlone();
    models.cancel();
    lexicon.finish();
    await settle();
    expect(nameOf(models)).toBe('Lexicon');
    expect([lexicon.loads, lexicon.alive]).toEqual([2, 1]);
  });

  it('loads a first model again as the page’s, not as a person’s choice', async () => {
    const loaded: ModelOrder[] = [];
    const models = new ModelSwitch({
      changed: () => undefined,
      loaded: (order) => loaded.push(order),
      busy: () => false,
    });
    const lexicon = new TestModel('Lexicon');
    models.load(lexicon.order);
    lexicon.fail('network');
    await settle();
    expect(models.failure).toMatchObject({ asked: false });
    expect(models.idle).toBe(false);
    models.retry();
    lexicon.finish();
    await settle();
    expect(nameOf(models)).toBe('Lexicon');
    expect(loaded).toEqual([]);
  });

  it('loses no model that runs, and leaves none behind, whatever is pressed in whatever order', async () => {
    const step = fc.constantFrom(
      'change',
      'retry',
      'retryAlone',
      'cancel',
      'dismiss',
      'settle',
      'finish',
      'fail',
      'busy',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const scene = await begin();
        const { models, lexicon, granite, state } = scene;
        for (const each of steps) {
          const ran = models.engine;
          if (each === 'change') models.change(granite.order);
          else if (each === 'finish') [granite, lexicon].forEach((model) => model.finish());
          else if (each === 'fail') [granite, lexicon].forEach((model) => model.fail('network'));
          else if (each === 'busy') state.busy = !state.busy;
          else models[each]();
          await settle();
          // Only what makes room by itself takes a running model away.
          if (ran && each !== 'retryAlone') expect(models.engine).toBeDefined();
        }
        models.dispose();
        for (const model of [granite, lexicon]) model.finish();
        await settle();
        expect([granite.alive, lexicon.alive]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});
