import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { defaultBudget, missOf, StateCache } from './state-cache.ts';

const MIB = 2 ** 20;

/** A snapshot that takes 100 bytes, and 1 for each token; 10 more for logits. */
class FakeSnapshot {
  readonly state: { tokens: number[]; position: number };
  readonly hasLogits: boolean;
  disposed = 0;

  constructor(tokens: readonly number[], hasLogits = false) {
    this.state = { tokens: [...tokens], position: tokens.length };
    this.hasLogits = hasLogits;
  }

  get bytes(): number {
    return this.disposed > 0 ? 0 : 100 + this.state.position + (this.hasLogits ? 10 : 0);
  }

  dispose(): void {
    this.disposed++;
  }
}

/** A model whose sequence is what it is given, and that counts the memory of all snapshots. */
class FakeModel {
  tokens: number[] = [];
  readonly taken: FakeSnapshot[] = [];
  readonly restored: FakeSnapshot[] = [];
  refuse: Error | null = null;
  /** The most that snapshots ever took. */
  peak = 0;

  get state() {
    const { tokens } = this;
    return { tokens, position: tokens.length, reset: () => void (this.tokens = []) };
  }

  snapshotBytes({ logits }: { logits: boolean }): number {
    return 100 + this.tokens.length + (logits ? 10 : 0);
  }

  async snapshot({ logits }: { logits: boolean }): Promise<FakeSnapshot> {
    if (this.refuse) throw this.refuse;
    this.taken.push(new FakeSnapshot(this.tokens, logits));
    this.peak = Math.max(this.peak, this.bytes);
    return this.taken.at(-1)!;
  }

  async restore(snapshot: FakeSnapshot): Promise<void> {
    this.restored.push(snapshot);
    this.tokens = [...snapshot.state.tokens];
  }

  get bytes(): number {
    return this.taken.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

/** A cache, and its model. */
function cacheOf(budget: number): { cache: StateCache<FakeSnapshot>; model: FakeModel } {
  const model = new FakeModel();
  return { cache: new StateCache<FakeSnapshot>(model, budget), model };
}

type Made = ReturnType<typeof cacheOf>;

/** Reads a text as the engine does: what is not there yet, then keeps it. @returns tokens that were there. */
async function read({ cache, model }: Made, prompt: readonly number[]): Promise<number> {
  const { position } = await cache.resume(prompt);
  model.tokens = [...prompt];
  await cache.keep('prompt', { logits: true });
  return position;
}

/** A text that shares nothing with those of other numbers. */
const textOf = (number: number, length = 10) => Array.from({ length }, () => number);

describe('kept states', () => {
  it('are resumed from the longest that fits', async () => {
    const made = cacheOf(1000);
    await read(made, [1, 2]);
    await read(made, [1, 2, 3, 4]);
    made.model.tokens.push(9, 9);
    expect(await read(made, [1, 2, 3, 4, 5])).toBe(4);
    expect(await read(made, [1, 2, 3, 7])).toBe(2);
    expect(await read(made, [8])).toBe(0);
    expect(made.cache.find([1, 2, 3, 4, 9])!.state.tokens).toEqual([1, 2, 3, 4]);
    expect(made.cache.find([7])).toBeNull();
  });

  it('are all of a prompt only with logits, unless nothing is answered', async () => {
    const { cache, model } = cacheOf(1000);
    model.tokens = [1, 2];
    await cache.keep('answer');
    model.tokens = [1, 2, 3];
    await cache.keep('answer');
    expect(await cache.resume([1, 2, 3])).toMatchObject({ position: 2 });
    expect(await cache.resume([1, 2, 3], { logits: false })).toMatchObject({ position: 3 });
    // The live sequence is no better.
    expect(await cache.resume([1, 2, 3])).toMatchObject({ position: 2 });
    await read({ cache, model }, [1, 2, 3]);
    expect(await cache.resume([1, 2, 3])).toMatchObject({ position: 3 });
    expect(model.taken.filter(({ disposed }) => disposed === 0)).toHaveLength(2);
  });

  it('take no more memory than they may, also while one is taken; those of old chats go before those just used', async () => {
    const made = cacheOf(350);
    for (const number of [1, 2]) await read(made, textOf(number));
    expect(await read(made, textOf(1))).toBe(10);
    await read(made, textOf(3));
    expect(await read(made, textOf(1))).toBe(10);
    expect(await read(made, textOf(2))).toBe(0);
    expect(made.model.peak).toBeLessThanOrEqual(350);
    expect(made.cache.bytes).toBe(made.model.bytes);
  });

  it('stay within their budget however many chats there are', async () => {
    const made = cacheOf(1000);
    for (let number = 0; number < 50; number++) await read(made, textOf(number));
    expect(made.model.peak).toBeLessThanOrEqual(1000);
    expect(made.model.taken.filter(({ disposed }) => disposed > 1)).toEqual([]);
    made.cache.clear();
    expect(made.model.bytes).toBe(0);
  });

  it('are bounded in number, however small they are', async () => {
    const made = cacheOf(1e9);
    for (let number = 0; number < 200; number++) await read(made, textOf(number));
    expect(made.model.taken.filter(({ disposed }) => disposed === 0)).toHaveLength(128);
  });

  it('are not taken where there is no room for one, nor for any', async () => {
    for (const budget of [0, 119]) {
      const made = cacheOf(budget);
      expect(await read(made, textOf(1))).toBe(0);
      expect(await read(made, textOf(1))).toBe(0);
      // A request that goes on in the same sequence needs none.
      expect(await read(made, [...textOf(1), 2])).toBe(10);
      expect(made.model.taken).toEqual([]);
    }
  });

  it('are kept once each', async () => {
    const made = cacheOf(1000);
    for (let round = 0; round < 3; round++) await read(made, textOf(1));
    expect(made.model.taken).toHaveLength(1);
    expect(made.model.restored).toHaveLength(2);
  });

  it('are all given up where the GPU has no memory left, and other faults are passed on', async () => {
    const made = cacheOf(1000);
    await read(made, textOf(1));
    made.model.refuse = new BambaError('out_of_memory', 'full');
    await read(made, textOf(2));
    expect(made.cache.bytes).toBe(0);
    made.model.refuse = new BambaError('device_lost', 'lost');
    await expect(read(made, textOf(3))).rejects.toBe(made.model.refuse);
    // A snapshot that was not taken leaves nothing behind.
    expect(made.cache.find(textOf(3))).toBeNull();
    made.model.refuse = null;
    expect(await read(made, textOf(1))).toBe(0);
  });

  it('are not kept where all are cleared while one is taken', async () => {
    const made = cacheOf(1000);
    made.model.tokens = textOf(1);
    const keeping = made.cache.keep('answer');
    made.cache.clear();
    expect(await keeping).toBe(false);
    expect(made.model.bytes).toBe(0);
    expect(made.cache.find(textOf(1))).toBeNull();
  });

  it('of a chat of 200 turns take as much as those of its first ten, and the last ones are among them', async () => {
    const { cache, model } = cacheOf(6 * 700);
    const bytes: number[] = [];
    let chat = textOf(9, 500);
    for (let turn = 0; turn < 200; turn++) {
      // The chat is as long as its context: the oldest turns are dropped.
      chat = [...chat.slice(0, 40), ...chat.slice(-400), turn, turn];
      const { position } = await cache.resume(chat);
      model.tokens = [...chat];
      await cache.keep('prompt');
      expect(await cache.resume([...chat, 1])).toMatchObject({ position: chat.length });
      model.tokens = [...chat, 1, 2];
      await cache.keep('answer');
      expect(position).toBeLessThan(chat.length);
      bytes.push(cache.bytes);
    }
    const [least, most] = [Math.min(...bytes.slice(10)), Math.max(...bytes.slice(10))];
    expect(most).toBeLessThanOrEqual(6 * 700);
    expect(most - least).toBeLessThan(700);
    expect(model.taken.filter(({ disposed }) => disposed === 0).length).toBeLessThan(10);
  });

  it('are taken over from elsewhere, where there is room', async () => {
    const { cache, model } = cacheOf(250);
    await read({ cache, model }, textOf(1));
    const large = new FakeSnapshot(textOf(2, 200));
    expect(cache.adopt(large)).toBe(false);
    expect(large.disposed).toBe(0);
    const small = new FakeSnapshot(textOf(3));
    expect(cache.adopt(small)).toBe(true);
    expect(await cache.resume([...textOf(3), 4])).toMatchObject({ position: 10 });
    expect(cache.adopt(small)).toBe(true);
    expect(small.disposed).toBe(0);
    // Another one of the same tokens takes its place.
    expect(cache.adopt(new FakeSnapshot(textOf(3)))).toBe(true);
    expect(small.disposed).toBe(1);
    expect(cache.bytes).toBe(230);
  });

  it('of a system prompt that several chats share stay when others go', async () => {
    const system = textOf(7, 100);
    const made = cacheOf(1100);
    for (let chat = 0; chat < 12; chat++) {
      const { position } = await made.cache.resume([...system, chat, 1]);
      if (chat > 0) expect(position).toBe(100);
      made.model.tokens = [...system];
      if (chat === 0) await made.cache.keep('opening');
      made.model.tokens = [...system, chat, 1];
      await made.cache.keep('prompt');
      made.model.tokens.push(2, 3);
      await made.cache.keep('answer');
    }
  });
});

describe('a prompt that is read again', () => {
  const hints = { own: 40, rewritten: false, foreign: false };
  const known = { common: 500, left: true, edited: true, gone: [] };
  /** Goes on from all that is known. */
  const on = { ...known, left: false, edited: false };

  it('is told why', () => {
    expect(missOf({ position: 480, known }, hints)).toEqual({ reason: 'edited', at: 500 });
    expect(missOf({ position: 0, known: { ...known, gone: [100, 300] } }, hints)).toEqual({
      reason: 'evicted',
      at: 300,
    });
    expect(missOf({ position: 480, known }, { ...hints, rewritten: true })).toEqual({
      reason: 'other-template',
      at: 500,
    });
    expect(missOf({ position: 0, known: null }, { ...hints, foreign: true })).toEqual({ reason: 'other-model', at: 0 });
  });

  it('is no miss where all that is known is used, or all chats begin so', () => {
    expect(missOf({ position: 0, known: null }, hints)).toBeNull();
    expect(missOf({ position: 500, known: on }, hints)).toBeNull();
    expect(missOf({ position: 0, known: { ...known, common: 39 } }, hints)).toBeNull();
    // So few tokens that their state is not missed.
    expect(missOf({ position: 480, known: { ...on, gone: [500] } }, hints)).toBeNull();
  });

  it('has lost a state where there was no room for it', async () => {
    for (const budget of [0, 160]) {
      const made = cacheOf(budget);
      await read(made, textOf(1, 40));
      await read(made, textOf(2, 40));
      const resumption = await made.cache.resume([...textOf(1, 40), 3]);
      expect(missOf(resumption, hints)).toEqual({ reason: 'evicted', at: 40 });
      made.model.tokens = textOf(1, 40);
      await made.cache.keep('answer');
      made.model.tokens.push(4);
      const again = await made.cache.resume([...textOf(1, 40), 3]);
      expect(missOf(again, hints)?.reason).toBe(budget === 0 ? 'evicted' : undefined);
    }
  });
});

describe('the budget by default', () => {
  it('fits the adapter and the model', () => {
    const large = 4096 * MIB;
    expect(defaultBudget(large, 9000 * MIB)).toBe(256 * MIB);
    expect(defaultBudget(large, 35 * MIB)).toBe(35 * MIB);
    expect(defaultBudget(large, MIB)).toBe(16 * MIB);
    // The least that WebGPU asks of an adapter.
    expect(defaultBudget(256 * MIB, 9000 * MIB)).toBe(32 * MIB);
  });
});
