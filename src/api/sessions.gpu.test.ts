import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerationEvent, GenerationRequest, StateEngine, Usage } from '../engine/protocol.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { loadTinyEngine } from '../testing/engines/tiny-engine.ts';
import { BambaEngine } from './engine.ts';

// Sessions over the tiny model: what they remember is not processed again, in forks and in copies on other engines neither.

describe.skipIf(!hasAdapter)('sessions', { timeout: 120_000 }, () => {
  const SETTINGS = { maxTokens: 5, temperature: 0, repetitionPenalty: 1.5 };
  const usages: Usage[] = [];
  const made: StateEngine[] = [];
  let engine: BambaEngine;

  /** An engine whose counts are noted. */
  async function load(): Promise<BambaEngine> {
    const inner = await loadTinyEngine({ gpu: { gpu: sharedGpu() } });
    made.push(inner);
    const noted = async function* noted(request: GenerationRequest, options?: object): AsyncGenerator<GenerationEvent> {
      for await (const event of inner.generate(request, options)) {
        if (event.type === 'end') usages.push(event.usage);
        yield event;
      }
    };
    return new BambaEngine({ ...inner, generate: noted });
  }

  beforeAll(async () => {
    engine = await load();
  });
  afterAll(() => Promise.all(made.map((one) => one.dispose())));

  const processed = (): number => {
    const { promptTokens, cachedTokens } = usages.at(-1)!;
    return promptTokens - cachedTokens;
  };

  test('remember, fork without reading again, and go on elsewhere from their bytes', async () => {
    const session = await engine.sessions.create({ system: 'Speak of fruit.' });
    expect(session.tokens).toBe(usages.at(-1)!.promptTokens);
    const read = session.tokens;
    const answer = await session.prompt('An apple?', SETTINGS);
    expect(usages.at(-1)!.cachedTokens).toBe(read);
    expect(session.tokens).toBe(usages.at(-1)!.promptTokens + usages.at(-1)!.completionTokens);
    expect(session.messages).toEqual([
      { role: 'system', content: 'Speak of fruit.' },
      { role: 'user', content: 'An apple?' },
      { role: 'assistant', content: answer },
    ]);

    const before = session.tokens;
    const fork = await session.fork();
    // The last token of the answer, and what closes it.
    expect(processed()).toBeLessThanOrEqual(3);
    expect(fork.messages).toEqual(session.messages);
    expect(fork.tokens).toBeGreaterThanOrEqual(before);
    const bytes = await fork.export();
    const one = await session.prompt('A pear?', SETTINGS);
    const cached = usages.at(-1)!.cachedTokens;
    expect(cached).toBe(fork.tokens);
    const other = await fork.prompt('A pear?', SETTINGS);
    expect(other).toBe(one);
    expect(usages.at(-1)!.cachedTokens).toBeGreaterThanOrEqual(cached);
    expect(session.messages).toHaveLength(5);

    const elsewhere = await load();
    const copy = await elsewhere.sessions.import(bytes);
    expect(copy.messages).toEqual(session.messages.slice(0, 3));
    expect(copy.tokens).toBe(cached);
    // Also after other questions in between.
    await (await elsewhere.sessions.create()).prompt('Something else', SETTINGS);
    expect(await copy.prompt('A pear?', SETTINGS)).toBe(one);
    expect(usages.at(-1)!.cachedTokens).toBe(cached);
  });

  test('refuse bytes that are not theirs, and lose nothing by it', async () => {
    const session = await engine.sessions.create({ messages: [{ role: 'user', content: 'A plum' }] });
    const bytes = await session.export();
    const { tokens } = session;
    for (const bad of [bytes.slice(0, -1), new Uint8Array(), bytes.slice().fill(0, 100, 101)]) {
      await expect(engine.sessions.import(bad)).rejects.toMatchObject({ code: 'state_invalid' });
    }
    await expect(engine.sessions.import('text' as unknown as Uint8Array)).rejects.toMatchObject({
      code: 'setting_invalid',
    });
    expect((await engine.sessions.import(bytes)).tokens).toBe(tokens);
  });

  test('keep what was answered before they were left, and end', async () => {
    const session = await engine.sessions.create();
    expect(session.tokens).toBe(0);
    let seen = '';
    for await (const text of session.stream('Go on and on', { ...SETTINGS, maxTokens: 20 })) {
      seen += text;
      await expect(session.fork()).rejects.toMatchObject({ code: 'busy' });
      break;
    }
    expect(session.messages.at(-1)).toEqual({ role: 'assistant', content: seen });
    await expect(session.prompt('And?', { temperature: -1 })).rejects.toMatchObject({ code: 'setting_invalid' });
    expect(session.messages).toHaveLength(2);
    session.dispose();
    await expect(session.prompt('And?')).rejects.toMatchObject({ code: 'disposed' });
    await expect(engine.sessions.create({ system: 'a', messages: [] })).rejects.toMatchObject({
      code: 'setting_invalid',
    });
  });
});
