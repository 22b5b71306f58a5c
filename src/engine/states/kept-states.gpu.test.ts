import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutsOf, NEAR_TOKENS } from '../../generate/cuts.ts';
import { StateCache } from '../../generate/state-cache.ts';
import { commonLength, isPrefix } from '../../generate/state-tree.ts';
import { Gpu } from '../../gpu/device.ts';
import type { Model } from '../../model/model.ts';
import type { Snapshot, SnapshotOptions } from '../../model/snapshot.ts';
import { expectClose } from '../../testing/close.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { architectureOf, stateTraits } from '../../testing/checkpoints/config-traits.ts';
import { covering, times } from '../../testing/extent.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { randomCheckpoint } from '../../testing/checkpoints/random-checkpoint.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { loadModel } from '../loading/load.ts';
import { packCheckpoint } from '../loading/pack-checkpoint.ts';
import { readPrompt } from '../prompts/read-prompt.ts';

// Chats of random tokens with random models of all families, or of all kinds of states. They are appended to, edited,
// branched, aborted and evicted in any order. What comes next is what a model computes that was given nothing but these
// tokens, and no token that is at hand is processed again.

/** Small, so that short texts take several passes. */
const CHUNK = 16;
const GREEDY = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map<number, number>(),
  seed: 0,
};
/** Passes of other lengths add up in another order. */
const CLOSE = { ofLargest: 2e-4 };

/** The smallest of all these models. */
const LEAST_VOCABULARY = Math.min(...Object.values(FAMILY_CONFIGS).map((config) => architectureOf(config).vocabSize));

/** What a question begins with, an answer, and what ends both. */
const [QUESTION, ANSWER, END] = [1, 2, 3];

interface Turn {
  question: number[];
  /** Empty while there is none. */
  answer: number[];
}

const tokens = (from: number, to: number) =>
  fc.array(fc.integer({ min: 4, max: LEAST_VOCABULARY - 1 }), { minLength: from, maxLength: to });
const chosen = fc.nat({ max: 99 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      chat: chosen,
      text: tokens(1, 40),
      answer: tokens(1, 9),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('edit' as const),
      chat: chosen,
      turn: chosen,
      text: tokens(1, 60),
      answer: tokens(1, 9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('branch' as const),
      chat: chosen,
      turn: chosen,
      text: tokens(1, 20),
      answer: tokens(1, 9),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('regenerate' as const), chat: chosen, answer: tokens(1, 9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), chat: chosen, text: tokens(40, 90) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('evict' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** A prompt of a chat whose last question has no answer yet, and where its parts are. */
function promptOf(system: readonly number[], turns: readonly Turn[]) {
  const ids = [...system];
  let start = 0;
  for (const { question, answer } of turns) {
    start = ids.length;
    ids.push(QUESTION, ...question, END);
    if (answer.length > 0) ids.push(ANSWER, ...answer, END);
  }
  return { ids: [...ids, ANSWER], opening: system.length, start, end: ids.length };
}

/** Chats with one model, and what has to be true of each of their prompts. */
class Chats {
  readonly #model: Model;
  readonly #system: readonly number[];
  readonly #ample: boolean;
  readonly #budget: number;
  readonly #cache: StateCache;
  /** Those that the cache holds. */
  readonly #alive = new Set<Snapshot>();
  #chats: Turn[][] = [];
  /** All that was processed since states were evicted. */
  #seen: (readonly number[])[] = [];
  /** What came behind prompts. */
  readonly answers: { ids: readonly number[]; logits: Float32Array }[] = [];

  constructor(model: Model, system: readonly number[], states: number) {
    this.#model = model;
    this.#system = system;
    this.#ample = states >= 64;
    this.#budget = states * model.snapshotBytes({ logits: false });
    const source = {
      state: model.state,
      snapshotBytes: (options: SnapshotOptions) => model.snapshotBytes(options),
      snapshot: async (options: SnapshotOptions) => this.#watch(await model.snapshot(options)),
      restore: (snapshot: Snapshot) => model.restore(snapshot),
    };
    this.#cache = new StateCache(source, this.#budget);
    model.state.reset();
  }

  #watch(snapshot: Snapshot): Snapshot {
    const dispose = snapshot.dispose.bind(snapshot);
    snapshot.dispose = () => {
      this.#alive.delete(snapshot);
      dispose();
    };
    this.#alive.add(snapshot);
    return snapshot;
  }

  async take(one: Step): Promise<void> {
    if (one.kind === 'evict') {
      this.#cache.clear();
      this.#model.state.reset();
      this.#seen = [];
      return;
    }
    if (this.#chats.length === 0) this.#chats.push([]);
    const place = one.chat % this.#chats.length;
    const turns = this.#chats[place]!;
    if (one.kind === 'abort') {
      await this.#read([...turns, { question: one.text, answer: [] }], true);
      return;
    }
    if (one.kind === 'regenerate') {
      const last = turns.at(-1);
      if (last) await this.#ask(place, [...turns.slice(0, -1), { question: last.question, answer: [] }], one.answer);
      return;
    }
    const before = one.kind === 'append' ? turns : turns.slice(0, one.turn % (turns.length + 1));
    if (one.kind === 'branch') this.#chats.push(before);
    const target = one.kind === 'branch' ? this.#chats.length - 1 : place;
    await this.#ask(target, [...before, { question: one.text, answer: [] }], one.answer);
  }

  async #ask(place: number, turns: readonly Turn[], answer: number[]): Promise<void> {
    await this.#read(turns, false);
    // The token that ended the answer is never fed.
    await this.#model.prefill(answer);
    await this.#cache.keep('answer');
    this.#seen.push(this.#model.state.tokens.slice());
    this.#chats[place] = [...turns.slice(0, -1), { ...turns.at(-1)!, answer }];
  }

  async #read(turns: readonly Turn[], aborted: boolean): Promise<void> {
    const { ids, ...places } = promptOf(this.#system, turns);
    const common = Math.max(0, ...this.#seen.map((seen) => commonLength(seen, ids)));
    const { tokens: live } = this.#model.state;
    const kept = [...this.#alive].map(({ state }) => state.tokens);
    const fitting = [live, ...kept].filter((one) => one.length < ids.length && isPrefix(one, ids));
    const { position, known } = await this.#cache.resume(ids);
    expect(position).toBe(Math.max(0, ...fitting.map(({ length }) => length)));
    if (this.#ample) this.#expectTail(common, position);

    const junction = known?.left ? known.common : null;
    const cuts = cutsOf({ from: position, total: ids.length, chunk: CHUNK, ...places, junction });
    const abort = new AbortController();
    const reading = readPrompt(this.#model, this.#cache, ids, {
      from: position,
      cuts,
      hold: { between: () => null },
      signal: abort.signal,
    });
    try {
      let last = position;
      for await (const event of reading) {
        if (event.type !== 'prefill') continue;
        expect(event.processed).toBeGreaterThanOrEqual(last);
        last = event.processed;
        if (aborted && last > position) abort.abort();
      }
      expect(last).toBe(ids.length);
    } catch (error) {
      expect(error).toMatchObject({ code: 'aborted' });
      await this.#cache.keep('rung');
      this.#seen.push(this.#model.state.tokens.slice());
      expect(isPrefix(this.#model.state.tokens, ids)).toBe(true);
      return;
    } finally {
      expect(this.#cache.bytes).toBeLessThanOrEqual(this.#budget);
      expect([...this.#alive].reduce((sum, { bytes }) => sum + bytes, 0)).toBe(this.#cache.bytes);
    }
    expect(this.#model.state.tokens).toEqual(ids);
    this.#seen.push(ids);
    const settings = { values: GREEDY, limit: 1, stopIds: [], promptIds: ids };
    const { logits } = await this.#model.beginAnswer(settings, { logits: true });
    this.answers.push({ ids, logits: logits!.slice() });
  }

  /** With room for all states, no more is processed again than lies between two rungs, or between two near places. */
  #expectTail(common: number, position: number): void {
    expect(common - position).toBeLessThanOrEqual(Math.max(NEAR_TOKENS, common / 2) + 2 * CHUNK);
  }

  clear(): void {
    this.#cache.clear();
    expect(this.#alive.size).toBe(0);
  }
}

describe.skipIf(!hasAdapter)('states that are kept', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  it.each(covering(FAMILY_CONFIGS, (config) => stateTraits(architectureOf(config))))(
    'go on as if all had been read anew: %s',
    { timeout: 300_000 },
    async (_, config) => {
      const source = await packCheckpoint(memorySource(randomCheckpoint(config)), 'f32', 'random');
      const model = await loadModel(gpu, source, { chunkTokens: CHUNK });
      try {
        await fc.assert(
          fc.asyncProperty(
            tokens(0, 50),
            fc.constantFrom(0, 2, 5, 64),
            fc.array(step, { minLength: 6, maxLength: 10 }),
            async (system, states, steps) => {
              const chats = new Chats(model, system, states);
              for (const one of steps) await chats.take(one);
              for (const { ids, logits } of chats.answers) {
                model.state.reset();
                await model.prefill(ids, { logits: true });
                const settings = { values: GREEDY, limit: 1, stopIds: [], promptIds: ids };
                const fresh = await model.beginAnswer(settings, { logits: true });
                expectClose(logits, fresh.logits!, CLOSE, `logits behind ${ids.length} tokens`);
              }
              chats.clear();
            },
          ),
          { numRuns: times(3, 2), seed: 20261130, endOnFailure: true },
        );
      } finally {
        model.dispose();
      }
    },
  );
});
