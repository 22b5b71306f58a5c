import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { defaultBudget, PrefixCache } from './prefix-cache.ts';

const MIB = 2 ** 20;

/** A snapshot that takes 100 bytes, and 1 for each token. */
class FakeSnapshot {
  readonly state: { tokens: number[]; position: number };
  disposed = 0;

  constructor(tokens: readonly number[]) {
    this.state = { tokens: [...tokens], position: tokens.length };
  }

  get bytes(): number {
    return this.disposed > 0 ? 0 : 100 + this.state.position;
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

  get snapshotBytes(): number {
    return 100 + this.tokens.length;
  }

  async snapshot(): Promise<FakeSnapshot> {
    if (this.refuse) throw this.refuse;
    this.taken.push(new FakeSnapshot(this.tokens));
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

/** Reads a prompt as the engine does: what is not there yet, then keeps it. @returns tokens that were there. */
async function read(cache: PrefixCache<FakeSnapshot>, model: FakeModel, prompt: readonly number[]): Promise<number> {
  const kept = await cache.resume(prompt);
  model.tokens = [...prompt];
  await cache.keep();
  return kept;
}

/** A prompt that shares nothing with those of other numbers. */
const promptOf = (number: number) => Array.from({ length: 10 }, () => number);

describe('states of earlier prompts', () => {
  it('are resumed from the longest that fits', async () => {
    const model = new FakeModel();
    const cache = new PrefixCache<FakeSnapshot>(model, 1000);
    await read(cache, model, [1, 2]);
    await read(cache, model, [1, 2, 3, 4]);
    model.tokens.push(9, 9);
    expect(await read(cache, model, [1, 2, 3, 4, 5])).toBe(4);
    expect(await read(cache, model, [1, 2, 3, 7])).toBe(2);
    expect(await read(cache, model, [8])).toBe(0);
  });

  it('take no more memory than they may, also while one is taken; the least recently used go first', async () => {
    const model = new FakeModel();
    const cache = new PrefixCache<FakeSnapshot>(model, 350);
    for (const number of [1, 2, 3]) await read(cache, model, promptOf(number));
    // Asked again, the first is the last to go.
    expect(await read(cache, model, promptOf(1))).toBe(10);
    await read(cache, model, promptOf(4));
    expect(await read(cache, model, promptOf(1))).toBe(10);
    expect(await read(cache, model, promptOf(2))).toBe(0);
    expect(model.peak).toBeLessThanOrEqual(350);
    expect(cache.bytes).toBe(model.bytes);
  });

  it('stay within their budget however many prompts there are', async () => {
    const model = new FakeModel();
    const cache = new PrefixCache<FakeSnapshot>(model, 1000);
    for (let number = 0; number < 50; number++) await read(cache, model, promptOf(number));
    expect(model.peak).toBeLessThanOrEqual(1000);
    expect(model.taken.filter(({ disposed }) => disposed > 1)).toEqual([]);
    cache.clear();
    expect(model.bytes).toBe(0);
  });

  it('are not taken where there is no room for one, nor for any', async () => {
    for (const budget of [0, 109]) {
      const model = new FakeModel();
      const cache = new PrefixCache<FakeSnapshot>(model, budget);
      expect(await read(cache, model, promptOf(1))).toBe(0);
      expect(await read(cache, model, promptOf(1))).toBe(0);
      // What goes on in the same sequence needs none.
      expect(await read(cache, model, [...promptOf(1), 2])).toBe(10);
      expect(model.taken).toEqual([]);
    }
  });

  it('are kept once each', async () => {
    const model = new FakeModel();
    const cache = new PrefixCache<FakeSnapshot>(model, 1000);
    for (let round = 0; round < 3; round++) await read(cache, model, promptOf(1));
    expect(model.taken).toHaveLength(1);
    expect(model.restored).toHaveLength(2);
  });

  it('are all given up where the GPU has no memory left, and other faults are passed on', async () => {
    const model = new FakeModel();
    const cache = new PrefixCache<FakeSnapshot>(model, 1000);
    await read(cache, model, promptOf(1));
    model.refuse = new BambaError('out_of_memory', 'full');
    await read(cache, model, promptOf(2));
    expect(cache.bytes).toBe(0);
    model.refuse = new BambaError('device_lost', 'lost');
    await expect(read(cache, model, promptOf(3))).rejects.toBe(model.refuse);
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
