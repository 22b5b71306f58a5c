import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { chatOf } from '../../testing/engines/answer.ts';
import { asciiIds, tinyPrompt } from '../../testing/models/tiny-model.ts';
import { Overflow } from './overflow.ts';
import type { ChatMessage, GenerationRequest } from '../protocol.ts';
import { parseRequest } from './request.ts';

const CONTEXT = 400;
const SYSTEM: ChatMessage = { role: 'system', content: 'Be brief.' };

/** What fits prompts of the tiny model; it counts how often a prompt is made. */
function fitter(context = CONTEXT) {
  const made = { prompts: 0 };
  const text = {
    prompt: async ({ input }: Pick<ReturnType<typeof parseRequest>, 'input'>) => {
      made.prompts++;
      const ids = 'messages' in input ? tinyPrompt(input.messages) : asciiIds(input.prompt as string);
      return { ids, endOf: async () => null };
    },
  };
  const overflow = new Overflow(text, context);
  const fit = async (request: GenerationRequest) => {
    const { prompt, parsed, droppedTurns } = await overflow.fit(parseRequest(request), undefined);
    const { input } = parsed;
    return { tokens: prompt.ids.length, messages: 'messages' in input ? input.messages : [], droppedTurns };
  };
  return { fit, made };
}

/** A chat of so many questions of twenty characters, all but the last of them answered. */
function chat(turns: number): ChatMessage[] {
  const contents = Array.from({ length: 2 * turns - 1 }, (_, index) => `${index}`.padStart(20, '.'));
  return [SYSTEM, ...chatOf(...contents)];
}

const drop = (messages: readonly ChatMessage[], rest: GenerationRequest = {}): GenerationRequest => ({
  messages,
  contextOverflow: 'drop-oldest-turns',
  ...rest,
});

describe('a chat that leaves no room for its answer', () => {
  it('is refused where nothing else is asked for', async () => {
    const { fit } = fitter();
    await expect(fit({ messages: chat(12) })).rejects.toMatchObject({ code: 'prompt_too_long' });
    await expect(fit({ messages: chat(12), contextOverflow: 'refuse' })).rejects.toMatchObject({
      code: 'prompt_too_long',
      message: expect.stringContaining(`room for ${CONTEXT}`) as string,
    });
    // One that leaves some room is answered, as far as that goes.
    expect(await fit({ messages: chat(6) })).toMatchObject({ droppedTurns: 0 });
  });

  it('loses its oldest turns, but neither the system prompt nor the last question', async () => {
    const { fit } = fitter();
    const all = chat(12);
    const { messages, droppedTurns, tokens } = await fit(drop(all));
    expect(messages).toEqual([SYSTEM, ...all.slice(1 + 2 * droppedTurns)]);
    expect(tokens).toBeLessThanOrEqual(CONTEXT / 2);
    expect(tinyPrompt([SYSTEM, ...all.slice(2 * droppedTurns - 1)]).length).toBeGreaterThan(CONTEXT / 2);
  });

  it('loses the same ones while there is room, so that what is read of it stays good', async () => {
    const { fit, made } = fitter(2000);
    const counts: number[] = [];
    for (let turns = 1; turns <= 120; turns++) counts.push((await fit(drop(chat(turns)))).droppedTurns);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBeGreaterThan(90);
    // Ten turns go by in between.
    const changes = new Set(counts).size - 1;
    expect(changes).toBeLessThan(counts.at(-1)! / 10);
    expect(made.prompts).toBeLessThan(120 * 2 + changes * 8);
  });

  it('keeps all of them where the answer has room', async () => {
    const { fit } = fitter();
    const messages = chat(6);
    const room = CONTEXT - tinyPrompt(messages).length;
    expect(room).toBeLessThan(CONTEXT / 8);
    expect(await fit(drop(messages, { maxTokens: room }))).toMatchObject({ droppedTurns: 0 });
    expect((await fit(drop(messages, { maxTokens: room + 1 }))).droppedTurns).toBeGreaterThan(0);
    // What was dropped once is not dropped from a chat that fits.
    expect(await fit(drop(messages, { maxTokens: room }))).toMatchObject({ droppedTurns: 0 });
  });

  it('is refused where its last turn alone is too long, and so is a text', async () => {
    const { fit } = fitter();
    const messages = [...chat(12).slice(0, -1), ...chatOf('a'.repeat(CONTEXT))];
    await expect(fit(drop(messages))).rejects.toMatchObject({ code: 'prompt_too_long' });
    await expect(fit(drop(chatOf('a'.repeat(CONTEXT))))).rejects.toMatchObject({ code: 'prompt_too_long' });
    const prompt = 'a'.repeat(CONTEXT);
    await expect(fit({ prompt, contextOverflow: 'drop-oldest-turns' })).rejects.toMatchObject({
      code: 'prompt_too_long',
    });
  });

  it('keeps calls of tools with the question that they are about', async () => {
    const { fit } = fitter();
    const called: ChatMessage[] = [
      { role: 'user', content: 'a'.repeat(150) },
      { role: 'assistant', content: '', toolCalls: [{ id: '1', name: 'f', arguments: '{}' }] },
      { role: 'tool', content: 'b'.repeat(150), toolCallId: '1' },
      { role: 'assistant', content: 'c' },
    ];
    const { messages, droppedTurns } = await fit(drop([SYSTEM, ...called, ...chatOf('Well?', 'Yes.', 'So?')]));
    expect(messages).toEqual([SYSTEM, ...chatOf('Well?', 'Yes.', 'So?')]);
    expect(droppedTurns).toBe(1);
  });
});

test('any chat fits, or not even its last turn does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 120 }), { minLength: 1, maxLength: 30 }),
      fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
      async (lengths, maxTokens) => {
        const { fit } = fitter();
        const odd = lengths.length % 2 === 0 ? lengths.slice(1) : lengths;
        const all = chatOf(...odd.map((length) => 'x'.repeat(length + 1)));
        const request = drop(all, maxTokens === undefined ? {} : { maxTokens });
        const last = tinyPrompt(all.slice(-1)).length;
        if (last >= CONTEXT) {
          await expect(fit(request)).rejects.toMatchObject({ code: 'prompt_too_long' });
          return;
        }
        const { messages, droppedTurns, tokens } = await fit(request);
        expect(messages).toEqual(all.slice(2 * droppedTurns));
        expect(tokens).toBeLessThan(CONTEXT);
        expect(tokens).toBe(tinyPrompt(messages).length);
      },
    ),
    { numRuns: 300, seed: 20261130 },
  );
});
