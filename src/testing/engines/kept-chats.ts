import { expect, vi } from 'vitest';
import { KeptStates } from '../../engine/states/kept-states.ts';
import { readerOf, readStateFile, type StateOwner, writeStateFile } from '../../engine/states/state-files.ts';
import { endKeys, prefixKey, promptKey } from '../../engine/states/stored-states.ts';
import { loadModel } from '../../engine/loading/load.ts';
import { readPrompt } from '../../engine/prompts/read-prompt.ts';
import { cutsOf, NEAR_TOKENS } from '../../generate/cuts.ts';
import { StateCache } from '../../generate/state-cache.ts';
import { commonLength, isPrefix } from '../../generate/state-tree.ts';
import { Gpu } from '../../gpu/device.ts';
import type { Model } from '../../model/model.ts';
import type { Snapshot, SnapshotOptions } from '../../model/snapshot.ts';
import { decodePrelude } from '../../model/snapshot-bytes.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { StateStore } from '../../storage/store/state-store.ts';
import { FaultyGpu } from '../faults/gpu.ts';
import { ANSWER, type ChatStep, END, QUESTION, type StepKind } from '../models/chat-steps.ts';
import { sharedGpu } from './shared-gpu.ts';

// Chats of random tokens with a model, and what has to be true of each of their prompts, whatever was done to them.

/** Small, so that short texts take several passes. */
const CHUNK = 16;
export const GREEDY = {
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

type Bytes = Uint8Array<ArrayBuffer>;

interface Turn {
  question: number[];
  /** Empty while there is none. */
  answer: number[];
}

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

const nameOf = (place: number): string => `chat ${place}`;

/** A model on a GPU of its own, which can be lost. */
export class LosableModel {
  readonly #source: PackageSource;
  readonly #faulty = new FaultyGpu(sharedGpu());
  #gpu!: Gpu;
  model!: Model;

  private constructor(source: PackageSource) {
    this.#source = source;
  }

  static async load(source: PackageSource): Promise<LosableModel> {
    const losable = new LosableModel(source);
    await losable.#load();
    return losable;
  }

  async #load(): Promise<void> {
    this.#gpu = await Gpu.request({ gpu: this.#faulty.gpu });
    this.model = await loadModel(this.#gpu, this.#source, { chunkTokens: CHUNK });
  }

  /** Loses the GPU, and loads the model on another one. */
  async lose(): Promise<void> {
    this.#faulty.loseNow();
    this.dispose();
    await this.#load();
  }

  dispose(): void {
    this.model.dispose();
    this.#gpu.dispose();
  }
}

/** Chats with one model. */
export class KeptChats {
  readonly #losable: LosableModel;
  readonly #system: readonly number[];
  readonly #states: number;
  #budget!: number;
  #cache!: StateCache;
  #kept!: KeptStates;
  /** Those that the cache holds. */
  readonly #alive = new Set<Snapshot>();
  #chats: Turn[][] = [];
  /** All that was processed since states were evicted. */
  #seen: (readonly number[])[] = [];
  /** Conversations that the engine has had since it began. */
  #noted = new Set<string>();
  #unsaved = false;
  #file: { bytes: Bytes; tokens: readonly number[] } | null = null;
  /** What came behind prompts. */
  readonly answers: { ids: readonly number[]; logits: Float32Array }[] = [];
  /** Steps that were taken, and states that came back out of storage. */
  readonly counts: Partial<Record<StepKind | 'brought', number>> = {};

  /** @param states that the GPU has room for */
  constructor(losable: LosableModel, system: readonly number[], states: number) {
    this.#losable = losable;
    this.#system = system;
    this.#states = states;
    this.#begin();
  }

  get #model(): Model {
    return this.#losable.model;
  }

  get #owner(): StateOwner {
    return { model: this.#model, binding: { model: 'm', shaders: 's', scheme: 'f32' }, name: 'random' };
  }

  /** An engine that knows nothing but what the browser keeps. */
  #begin(): void {
    const model = this.#model;
    this.#budget = this.#states * model.snapshotBytes({ logits: false });
    const source = {
      state: model.state,
      snapshotBytes: (options: SnapshotOptions) => model.snapshotBytes(options),
      snapshot: async (options: SnapshotOptions) => this.#watch(await model.snapshot(options)),
      restore: (snapshot: Snapshot) => model.restore(snapshot),
    };
    this.#cache = new StateCache(source, this.#budget);
    this.#kept = new KeptStates(async () => this.#owner, this.#cache, { quietMs: 0 });
    this.#noted = new Set();
    this.#unsaved = false;
    this.#seen = [];
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

  #count(what: StepKind | 'brought'): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  async take(step: ChatStep): Promise<void> {
    this.#count(step.kind);
    if (step.kind === 'save') return this.#save();
    if (step.kind === 'export') return this.#export();
    if (step.kind === 'import') return this.#import();
    if (step.kind === 'evict') {
      this.#cache.clear();
      this.#model.state.reset();
      this.#seen = [];
      return;
    }
    if (step.kind === 'reload' || step.kind === 'lose') {
      this.#kept.dispose();
      this.#cache.clear();
      if (step.kind === 'lose') await this.#losable.lose();
      this.#begin();
      return;
    }
    await this.#speak(step);
  }

  async #speak(step: Extract<ChatStep, { chat: number }>): Promise<void> {
    if (this.#chats.length === 0) this.#chats.push([]);
    const place = step.chat % this.#chats.length;
    const turns = this.#chats[place]!;
    if (step.kind === 'abort') {
      await this.#read(place, [...turns, { question: step.text, answer: [] }], true);
      return;
    }
    if (step.kind === 'regenerate') {
      const last = turns.at(-1);
      if (last) await this.#ask(place, [...turns.slice(0, -1), { question: last.question, answer: [] }], step.answer);
      return;
    }
    const before = step.kind === 'append' ? turns : turns.slice(0, step.turn % (turns.length + 1));
    if (step.kind === 'branch') this.#chats.push(before);
    const target = step.kind === 'branch' ? this.#chats.length - 1 : place;
    await this.#ask(target, [...before, { question: step.text, answer: [] }], step.answer);
  }

  async #ask(place: number, turns: readonly Turn[], answer: number[]): Promise<void> {
    await this.#read(place, turns, false);
    // The token that ended the answer is never fed.
    await this.#model.prefill(answer);
    await this.#cache.keep('answer');
    this.#kept.note(nameOf(place), this.#model.state);
    this.#noted.add(nameOf(place));
    this.#unsaved = true;
    this.#seen.push(this.#model.state.tokens.slice());
    this.#chats[place] = [...turns.slice(0, -1), { ...turns.at(-1)!, answer }];
  }

  async #read(place: number, turns: readonly Turn[], aborted: boolean): Promise<void> {
    const { ids, ...places } = promptOf(this.#system, turns);
    const stored = await this.#stored(nameOf(place), ids);
    const looks = !this.#noted.has(nameOf(place));
    const before = this.#model.state.tokens;
    const about = { live: this.#model.state, shared: this.#system, digest: null, signal: undefined };
    await this.#kept.bring(nameOf(place), ids, about);
    if (this.#model.state.tokens !== before && this.#model.state.position > 0) this.#count('brought');
    const common = Math.max(0, ...this.#seen.map((seen) => commonLength(seen, ids)));
    const { tokens: live } = this.#model.state;
    const kept = [...this.#alive].map(({ state }) => state.tokens);
    const fitting = [live, ...kept].filter((one) => one.length < ids.length && isPrefix(one, ids));
    const { position, known } = await this.#cache.resume(ids);
    expect(position).toBe(Math.max(0, ...fitting.map(({ length }) => length)));
    // What a conversation was kept at is not read again in a later visit, nor after a loss.
    if (looks) expect(position).toBeGreaterThanOrEqual(stored);
    if (this.#states >= 64) this.#expectTail(common, position);

    const junction = known?.left ? known.common : null;
    const cuts = cutsOf({ from: position, total: ids.length, chunk: CHUNK, ...places, junction });
    const abort = new AbortController();
    const hold = { between: () => null };
    const reading = readPrompt(this.#model, this.#cache, ids, { from: position, cuts, hold, signal: abort.signal });
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

  /** Tokens of the longest state that the browser keeps, and that a prompt of a conversation goes on from. */
  async #stored(conversation: string, ids: readonly number[]): Promise<number> {
    const shared = this.#system.length > 0 ? [await prefixKey(this.#system)] : [];
    const store = await StateStore.open();
    try {
      let longest = 0;
      for (const key of [...endKeys(conversation), promptKey(conversation), ...shared]) {
        const record = await store.record(key);
        if (!record) continue;
        const { tokens } = await decodePrelude(new Uint8Array(record.prelude), readerOf(this.#owner));
        if (tokens.length < ids.length && isPrefix(tokens, ids)) longest = Math.max(longest, tokens.length);
      }
      return longest;
    } finally {
      store.close();
    }
  }

  /** Lets the engine rest until all is written. */
  async #save(): Promise<void> {
    if (!this.#unsaved) return;
    const open = StateStore.open.bind(StateStore);
    const written = new Promise<void>((resolve) => {
      vi.spyOn(StateStore, 'open').mockImplementationOnce(async (options) => {
        const store = await open(options);
        const close = store.close.bind(store);
        store.close = () => {
          close();
          resolve();
        };
        return store;
      });
    });
    this.#kept.resume();
    await written;
    vi.restoreAllMocks();
    this.#kept.pause();
    this.#unsaved = false;
  }

  async #export(): Promise<void> {
    const { state } = this.#model;
    if (state.position === 0) return;
    this.#file = { bytes: await writeStateFile(this.#owner, { note: 'mine' }), tokens: [...state.tokens] };
  }

  async #import(): Promise<void> {
    if (!this.#file) await this.#export();
    if (!this.#file) return;
    const { bytes, tokens } = this.#file;
    await readStateFile(this.#owner, bytes, async (prelude) => expect(prelude.tokens).toEqual(tokens));
    expect(this.#model.state.tokens).toEqual(tokens);
    this.#seen.push(tokens);
  }

  /** Frees and deletes everything. */
  async clear(): Promise<void> {
    this.#kept.dispose();
    this.#cache.clear();
    expect(this.#alive.size).toBe(0);
    const store = await StateStore.open();
    await store.deleteAll();
    store.close();
  }
}
