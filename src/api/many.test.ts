import { describe, expect, it } from 'vitest';
import type { Engine, GenerateOptions, GenerationEvent, GenerationRequest } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { FakeEngine, endEvent } from '../testing/engines/fake-engine.ts';
import { generateMany, type ManyEvent } from './many.ts';

/** An engine that says each prompt letter by letter, and fails at an `!`. */
class Echo implements Engine {
  readonly info: Engine['info'];
  under = 0;
  most = 0;

  constructor(atOnce?: number) {
    this.info = { ...new FakeEngine().info, ...(atOnce !== undefined && { atOnce }) };
  }

  async *generate({ prompt }: GenerationRequest, { signal }: GenerateOptions = {}): AsyncGenerator<GenerationEvent> {
    this.most = Math.max(this.most, ++this.under);
    try {
      for (const text of prompt as string) {
        await new Promise((resolve) => setTimeout(resolve));
        if (text === '!') throw new BambaError('prompt_too_long', 'Too long.');
        if (signal?.aborted) return;
        yield { type: 'text', text, ids: [] };
      }
      yield endEvent();
    } finally {
      this.under--;
    }
  }

  async dispose(): Promise<void> {}
}

const ask = (...prompts: string[]) => prompts.map((prompt) => ({ prompt }));

async function textsOf(events: AsyncIterable<ManyEvent>, count: number) {
  const texts = Array.from({ length: count }, () => '');
  for await (const one of events) {
    if ('error' in one) texts[one.index] += `<${one.error.code}>`;
    else if (one.event.type === 'text') texts[one.index] += one.event.text;
    else if (one.event.type === 'end') texts[one.index] += '.';
  }
  return texts;
}

describe('many requests', () => {
  it.each([
    [undefined, undefined, 1],
    [3, undefined, 3],
    [3, 2, 2],
    [8, undefined, 5],
  ])('go at once where the engine takes %s and %s are asked for: %i', async (atOnce, most, expected) => {
    const engine = new Echo(atOnce);
    const events = generateMany(engine, ask('one', 'two', 'three', '', 'five'), most === undefined ? {} : { most });
    expect(await textsOf(events, 5)).toEqual(['one.', 'two.', 'three.', '.', 'five.']);
    expect(engine.most).toBe(expected);
  });

  it('fail one by one, and the others go on', async () => {
    const events = generateMany(new Echo(2), ask('a', 'b!c', 'd'));
    expect(await textsOf(events, 3)).toEqual(['a.', 'b<prompt_too_long>', 'd.']);
  });

  it('are taken from a stream, no sooner than there is room', async () => {
    const engine = new Echo(2);
    let taken = 0;
    async function* stream() {
      for (const request of ask('a', 'b', 'c')) {
        taken++;
        yield request;
      }
    }
    const events = generateMany(engine, stream());
    await events.next();
    expect(taken).toBe(2);
    await events.return();
    expect([taken, engine.under]).toEqual([2, 0]);
  });

  it('end where they are stopped, and no further one begins', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const texts: string[] = ['', '', ''];
    for await (const one of generateMany(new Echo(2), ask('abc', 'def', 'ghi'), { signal })) {
      if ('event' in one && one.event.type === 'text') texts[one.index] += one.event.text;
      controller.abort();
    }
    expect(texts[2]).toBe('');
    expect(texts[0]!.length + texts[1]!.length).toBeLessThan(6);
  });

  it('are refused where the number that goes at once is none', async () => {
    const events = generateMany(new Echo(), [], { most: 0 });
    await expect(events.next()).rejects.toMatchObject({ code: 'setting_invalid' });
  });
});
