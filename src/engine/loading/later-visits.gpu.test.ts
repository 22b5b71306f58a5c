import { openDB } from 'idb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import { decodePrelude, encodePrelude, type SnapshotBinding, type SnapshotFacts } from '../../model/snapshot-bytes.ts';
import { type StateRecord, StateStore } from '../../storage/store/state-store.ts';
import { type Answer, chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { useMemoryDatabase } from '../../testing/browser/memory-database.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { NO_SPECIAL, packTinyModel } from '../../testing/models/tiny-model.ts';
import { LocalEngine, type LocalEngineOptions } from '../local-engine.ts';
import type { ChatMessage, GenerationEvent } from '../protocol.ts';
import { deleteStoredStates, storedStates } from '../states/stored-states.ts';

// Over a reload: a new engine goes on with a conversation that another one kept. It answers as one that reads all of
// it, and processes only the new tokens. Where that cannot be, the text is read.

const SETTINGS = { repetitionPenalty: 1.5, maxTokens: 5, logitBias: NO_SPECIAL, logprobs: 5, temperature: 0 };

describe.skipIf(!hasAdapter)('what is kept of a conversation for a later visit', { timeout: 120_000 }, () => {
  const gpu = { gpu: sharedGpu() };
  useMemoryDatabase();
  const engines: LocalEngine[] = [];

  async function load(options: LocalEngineOptions & { scheme?: 'f32' | 'int8' } = {}): Promise<LocalEngine> {
    const { scheme = 'f32', ...others } = options;
    const engine = await LocalEngine.load(await packTinyModel({ scheme }), { gpu, quietMs: 0, ...others });
    engines.push(engine);
    return engine;
  }

  /** An engine that knows nothing of storage: its answers are what others' have to be. */
  let fresh: LocalEngine;
  beforeAll(async () => {
    fresh = await LocalEngine.load(await packTinyModel(), { gpu, storedStateBytes: 0, stateCacheBytes: 0 });
  });
  afterAll(() => fresh?.dispose());
  beforeEach(() => deleteStoredStates());
  afterEach(() => {
    vi.restoreAllMocks();
    for (const engine of engines.splice(0)) engine.dispose();
  });

  const ask = (engine: LocalEngine, messages: readonly ChatMessage[], conversation = 'one'): Promise<Answer> =>
    take(engine, { messages, conversation, ...SETTINGS });

  /** Waits until the state of so many tokens is kept. */
  async function kept(tokens: number, conversation: string | null = 'one'): Promise<void> {
    await vi.waitFor(
      async () => {
        const found = (await storedStates()).find((state) => (state.conversation ?? null) === conversation);
        expect(found?.tokens).toBe(tokens);
      },
      { timeout: 60_000, interval: 20 },
    );
  }

  /** All but the last token of an answer, which was never fed. */
  const fed = ({ usage }: Answer): number => usage.promptTokens + usage.completionTokens - 1;

  /** Holds an answer to one of an engine that reads all of it. */
  async function expectFresh(answer: Answer, messages: readonly ChatMessage[]): Promise<void> {
    const expected = await take(fresh, { messages, ...SETTINGS });
    expect(answer.ids).toEqual(expected.ids);
    for (const [index, { logprob }] of answer.logprobs.entries()) {
      expect(Math.abs(logprob - expected.logprobs[index]!.logprob)).toBeLessThan(2e-3);
    }
  }

  /** What another hand does to all that is stored. */
  async function change(damage: string): Promise<void> {
    const database = await openDB('bamba-web-states');
    const transaction = database.transaction(['states', 'pieces'], 'readwrite');
    const [states, pieces] = [transaction.objectStore('states'), transaction.objectStore('pieces')];
    if (damage.includes('gone')) await pieces.clear();
    for (const key of await pieces.getAllKeys()) {
      const bytes = new Uint8Array((await pieces.get(key)) as ArrayBuffer);
      if (damage.includes('changed')) bytes[100]! ^= 4;
      await pieces.put(bytes.buffer, key);
    }
    for (const record of (await states.getAll()) as StateRecord[]) {
      const prelude = new Uint8Array(record.prelude);
      if (damage.includes('format')) prelude[8] = 7;
      await states.put({ ...record, prelude: prelude.buffer });
    }
    await transaction.done;
    database.close();
  }

  /** What a file says of itself. */
  async function headerOf(file: Uint8Array): Promise<unknown> {
    const bytes = new DataView(file.buffer, file.byteOffset).getUint32(12, true);
    return JSON.parse(new TextDecoder().decode(file.subarray(24, 24 + bytes)));
  }

  /** The same state with other words beside it. */
  async function rewritten(
    file: Uint8Array<ArrayBuffer>,
    binding: SnapshotBinding,
    extra: unknown,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { layout, name, logitsBytes } = (await headerOf(file)) as SnapshotFacts;
    const vocabSize = logitsBytes / 4;
    const reader = { binding, vocabSize, contextLength: 1000, layout: () => layout };
    const prelude = await decodePrelude(file, reader);
    const facts = { binding, name, tokens: prelude.tokens, layout, logitsBytes, extra };
    const other = await encodePrelude(facts, prelude.hashes as Uint8Array<ArrayBuffer>[]);
    return new Uint8Array([...other, ...file.subarray(prelude.bytes)]);
  }

  test('the next turn after a reload processes its own tokens, as do all that follow', async () => {
    const contents = ['First of all'];
    let known = 0;
    for (const question of ['And then?', 'And after that?', 'Nothing more.']) {
      const engine = await load();
      const given = await ask(engine, chatOf(...contents));
      expect(given.usage.cachedTokens).toBe(known);
      expect(given.processed[0]).toBe(known);
      await expectFresh(given, chatOf(...contents));
      known = fed(given);
      await kept(known);
      engine.dispose();
      contents.push(given.text, question);
    }
  });

  test('nothing is kept of what has no name, nor where no bytes may be taken', async () => {
    const engine = await load();
    await take(engine, { messages: chatOf('Nameless'), ...SETTINGS });
    const none = await load({ storedStateBytes: 0 });
    await ask(none, chatOf('Named'));
    // Of two that are written in turn, the second is the last.
    const last = await ask(engine, chatOf('Last'), 'last');
    await kept(fed(last), 'last');
    expect((await storedStates()).map(({ conversation }) => conversation)).toEqual(['last']);
  });

  test('what was deleted, and what is of another model, is read again', async () => {
    const first = await ask(await load(), chatOf('Once'));
    await kept(fed(first));
    const messages = chatOf('Once', first.text, 'Twice');
    const other = await load({ scheme: 'int8' });
    const { usage } = await ask(other, messages);
    expect(usage.cachedTokens).toBe(0);
    expect(usage.cacheMiss).toEqual({ reason: 'other-model', at: 0 });
    // It has read them by now.
    expect((await ask(other, messages)).usage.cacheMiss).toBeUndefined();
    const again = await ask(await load(), chatOf('Again'), 'two');
    await kept(fed(again), 'two');
    await deleteStoredStates('two');
    const answer = await ask(await load(), chatOf('Again', again.text, 'And?'), 'two');
    expect(answer.usage.cachedTokens).toBe(0);
    await expectFresh(answer, chatOf('Again', again.text, 'And?'));
  });

  test('what was deleted before it was written is not written', async () => {
    const commit = vi.spyOn(StateStore.prototype, 'commit');
    const engine = await load({ quietMs: 300 });
    await ask(engine, chatOf('Soon gone'));
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
    await deleteStoredStates('one');
    await ask(engine, chatOf('Here to stay'), 'two');
    await vi.waitFor(() => expect(commit.mock.settledResults).toHaveLength(2), { timeout: 60_000, interval: 20 });
    expect((await storedStates()).map(({ conversation }) => conversation)).toEqual(['two']);
  });

  test('an edited turn is read again, and replaces what was kept', async () => {
    const first = await ask(await load(), chatOf('A question'));
    await kept(fed(first));
    const edited = await ask(await load(), chatOf('B question'));
    expect(edited.usage.cachedTokens).toBe(0);
    await expectFresh(edited, chatOf('B question'));
    await kept(fed(edited));
  });

  test.each(['a piece that was changed', 'a piece that is gone', 'a record of another format'])(
    '%s is dropped, and the text is read',
    async (damage) => {
      const first = await ask(await load(), chatOf('Well'));
      await kept(fed(first));
      await change(damage);
      const drop = vi.spyOn(StateStore.prototype, 'drop');
      const messages = chatOf('Well', first.text, 'Well?');
      const answer = await ask(await load(), messages);
      expect(drop).toHaveBeenCalledOnce();
      expect(answer.usage.cachedTokens).toBe(0);
      await expectFresh(answer, messages);
    },
  );

  test('a request stops the writing between two pieces, and the next rest writes what is new', async () => {
    const { value } = Object.getOwnPropertyDescriptor(StateStore.prototype, 'putPiece')!;
    const putPiece = value as (this: StateStore, ...args: Parameters<StateStore['putPiece']>) => Promise<void>;
    let begun = (): void => {};
    const writing = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const spy = vi.spyOn(StateStore.prototype, 'putPiece').mockImplementation(async function slow(
      this: StateStore,
      ...args
    ) {
      begun();
      await held;
      return putPiece.call(this, ...args);
    });
    const commit = vi.spyOn(StateStore.prototype, 'commit');
    const engine = await load();
    const first = await ask(engine, chatOf('Quick'));
    await writing;
    const messages = chatOf('Quick', first.text, 'Quicker');
    // The answer does not wait for the piece that is being put away.
    const second = await ask(engine, messages);
    expect(second.usage.cachedTokens).toBe(fed(first));
    expect(commit).not.toHaveBeenCalled();
    release();
    await kept(fed(second));
    expect(commit).toHaveBeenCalledOnce();
    expect(spy.mock.calls.length).toBeGreaterThan(1);
    await expectFresh(second, messages);
  });

  test('where the disk is full, the chat goes on, and says so once', async () => {
    const full = new BambaError('storage_full', 'The disk is full.');
    const spy = vi.spyOn(StateStore.prototype, 'putPiece').mockRejectedValue(full);
    const engine = await load();
    const contents = ['Full'];
    const notices: string[] = [];
    for (const question of ['And now?', 'And now again?', 'The end']) {
      const tried = spy.mock.calls.length;
      let text = '';
      const request = { messages: chatOf(...contents), conversation: 'one', ...SETTINGS };
      for await (const event of engine.generate(request) as AsyncIterable<GenerationEvent>) {
        if (event.type === 'notice') notices.push(event.message);
        if (event.type === 'text') text += event.text;
      }
      expect(text).not.toBe('');
      await vi.waitFor(() => expect(spy.mock.calls.length).toBeGreaterThan(tried), { timeout: 60_000, interval: 20 });
      // What was said of the failure comes after the call that failed.
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
      contents.push(text, question);
    }
    expect(notices).toEqual([
      'The chat goes on, but what was computed of it is not kept for the next visit. The disk is full.',
    ]);
    expect(await storedStates()).toEqual([]);
  });

  test('a file whose text is not that of its tokens is refused, and changes nothing', async () => {
    const engine = await load();
    const asked = await ask(engine, chatOf('What is it?'));
    const file = await engine.exportState(chatOf('Another'));
    const { model, shaders, scheme } = (await headerOf(file)) as Record<string, string>;
    const binding = { model: model!, shaders: shaders!, scheme: scheme! };
    for (const extra of [undefined, null, 'text', {}, { messages: 7 }, { messages: chatOf('A third') }]) {
      await expect(engine.importState(await rewritten(file, binding, extra))).rejects.toMatchObject({
        code: 'state_invalid',
        message: expect.stringContaining('messages that came with it') as string,
      });
    }
    await expect(engine.importState(await rewritten(file, binding, { messages: chatOf('Another') }))).resolves.toEqual({
      messages: chatOf('Another'),
      tokens: (await engine.tokenize(chatOf('Another'), { readAhead: true })).length,
    });
    const on = await ask(engine, chatOf('What is it?', asked.text, 'And?'));
    expect(on.usage.cachedTokens).toBe(fed(asked));
  });

  test('what the system says serves a new conversation of a later visit', async () => {
    const system: ChatMessage = { role: 'system', content: 'You are to speak of fruit and of nothing else.' };
    const engine = await load();
    // Read ahead, so that the GPU has it by itself.
    const read = await take(engine, { messages: [system], readAhead: true });
    const first = await ask(engine, [system, ...chatOf('Of apples?')]);
    expect(first.usage.cachedTokens).toBe(read.usage.promptTokens);
    await kept(fed(first));
    await kept(read.usage.promptTokens, null);
    const messages = [system, ...chatOf('Of pears?')];
    const other = await ask(await load(), messages, 'two');
    expect(other.usage.cachedTokens).toBe(read.usage.promptTokens);
    await expectFresh(other, messages);
  });
});
