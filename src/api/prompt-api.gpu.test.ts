import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerationEvent, TunableEngine, Usage } from '../engine/protocol.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { loadTinyEngine } from '../testing/engines/tiny-engine.ts';
import { languageModel } from './prompt-api.ts';

// The Prompt API on the engine itself, with a model of random weights: what it has read is not read again.

const CONTEXT = 512;

/** The same engine, which keeps what each request counted. */
function counted(engine: TunableEngine): { engine: TunableEngine; usages: Usage[] } {
  const usages: Usage[] = [];
  const generate = async function* (
    ...asked: Parameters<TunableEngine['generate']>
  ): AsyncGenerator<GenerationEvent, void> {
    // The model never ends by itself.
    const [request, options] = asked;
    const { maxTokens = 6 } = request;
    for await (const event of engine.generate({ ...request, maxTokens }, options)) {
      if (event.type === 'end') usages.push(event.usage);
      yield event;
    }
  };
  return { engine: { ...engine, generate }, usages };
}

describe.skipIf(!hasAdapter)('the Prompt API', () => {
  let loaded: TunableEngine;
  beforeAll(async () => {
    loaded = await loadTinyEngine({ contextLength: CONTEXT });
  });
  afterAll(() => loaded?.dispose());

  test('reads what a session begins with once, and a clone reads nothing again', async () => {
    const { engine, usages } = counted(loaded);
    const session = await languageModel({ engine }).create({
      initialPrompts: [{ role: 'system', content: 'A long text that takes a while to be read, once and for all.' }],
      samplingMode: 'most-predictable',
    });
    const before = session.contextUsage;
    expect(usages).toMatchObject([{ promptTokens: before, completionTokens: 0 }]);
    await session.prompt('Well?');
    expect(usages[1]).toMatchObject({ cachedTokens: before });

    const clones = [await session.clone(), await session.clone()];
    const conversation = session.contextUsage;
    // The rest of the last answer is read for the first clone, and nothing for the second.
    expect(usages[3]).toMatchObject({ promptTokens: conversation, cachedTokens: conversation });
    for (const [index, one] of [session, ...clones].entries()) await one.prompt(`And ${index}?`);
    for (const usage of usages.slice(4)) expect(usage.cachedTokens).toBe(conversation);
    expect(usages).toHaveLength(7);
    for (const one of clones) expect(one.contextUsage).toBe(session.contextUsage);
  });

  test('reads what is appended ahead, and measures what a prompt takes', async () => {
    const { engine, usages } = counted(loaded);
    const session = await languageModel({ engine }).create({ temperature: 0 });
    await session.append([
      { role: 'user', content: 'Remember this.' },
      { role: 'assistant', content: 'I do.' },
    ]);
    const { contextUsage } = session;
    expect(usages).toMatchObject([{ promptTokens: contextUsage }]);
    const measured = await session.measureContextUsage('What was it?');
    await session.prompt('What was it?');
    expect(usages[1]).toMatchObject({ promptTokens: contextUsage + measured, cachedTokens: contextUsage });
  });

  test('answers in the form that is asked for', async () => {
    const session = await languageModel({ engine: loaded }).create({ temperature: 2 });
    const responseConstraint = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
    expect(JSON.parse(await session.prompt('Say.', { responseConstraint }))).toEqual({
      ok: expect.any(Boolean) as boolean,
    });
    expect(await session.prompt('Say.', { responseConstraint: /(?:yes|no)!/ })).toMatch(/^(?:yes|no)!$/);
    await expect(session.prompt('Say.', { responseConstraint: { contains: {}, type: 'array' } })).rejects.toMatchObject(
      {
        name: 'NotSupportedError',
      },
    );
  });

  test('drops the oldest rounds of a conversation that grows too long, and answers on', async () => {
    const { engine } = counted(loaded);
    const session = await languageModel({ engine }).create({
      initialPrompts: [{ role: 'system', content: 'Be brief.' }],
    });
    let overflows = 0;
    session.oncontextoverflow = () => overflows++;
    for (let round = 0; round < 4; round++) {
      await session.prompt(`${round}`.repeat(CONTEXT / 3));
      expect(session.contextUsage).toBeLessThan(session.contextWindow);
    }
    expect(overflows).toBeGreaterThan(0);
    await expect(session.prompt('x'.repeat(CONTEXT))).rejects.toMatchObject({ name: 'QuotaExceededError' });
  });
});
