import { describe, expect, it } from 'vitest';
import { StateCache, type Resumption } from '../../generate/state-cache.ts';
import { chatOf } from '../../testing/engines/answer.ts';
import { tinyPrompt } from '../../testing/models/tiny-model.ts';
import { planPrompt } from './prompt-plan.ts';
import type { ChatMessage } from '../protocol.ts';
import { parseRequest } from './request.ts';
import type { Prompt } from './text-side.ts';
import { turnDigests } from './turn-digests.ts';

const HEADER = 'assistant: '.length;
const LONG = 'A question of a good many words, which take a pass.';

/** The prompt of a chat with a header, which notes where its messages are looked for. */
function promptOf(messages: readonly ChatMessage[]): { prompt: Prompt; asked: number[] } {
  const asked: number[] = [];
  const endOf = async (count: number) => {
    asked.push(count);
    return tinyPrompt(messages.slice(0, count)).length - HEADER;
  };
  return { prompt: { ids: tinyPrompt(messages), endOf }, asked };
}

const cache = () =>
  new StateCache(
    {
      state: { tokens: [], position: 0, reset: () => {} },
      snapshotBytes: () => 1,
      snapshot: async () => Promise.reject(new Error('none is taken')),
      restore: async () => {},
    },
    0,
  );

/** What is planned for a chat that is resumed, as text. */
async function plan(messages: readonly ChatMessage[], resumption: Resumption, states = cache()) {
  const { prompt, asked } = promptOf(messages);
  const { cuts, ...rest } = await planPrompt(states, prompt, parseRequest({ messages }), resumption, 256);
  return { cuts: cuts.map(({ at, kind }) => `${kind} ${at}`), asked, ...rest };
}

const NEW: Resumption = { position: 0, known: null };
const end = (messages: readonly ChatMessage[]) => tinyPrompt(messages).length - HEADER;

describe('what is planned for a prompt', () => {
  it('is a state behind the system prompt and one before the header of a first question', async () => {
    const messages: ChatMessage[] = [{ role: 'system', content: LONG }, ...chatOf('What?')];
    expect(await plan(messages, NEW)).toEqual({
      cuts: [`opening ${end(messages.slice(0, 1))}`, `prompt ${end(messages)}`],
      asked: [2, 1],
      hasHeader: true,
      miss: null,
    });
  });

  it('is one before the last question of a chat that is new here', async () => {
    const messages = chatOf(LONG, LONG, 'What?');
    const { cuts } = await plan(messages, NEW);
    expect(cuts).toEqual([`start ${end(messages.slice(0, 2))}`, `prompt ${end(messages)}`]);
  });

  it('is the one before the header in a next turn, without a look at the rest of the chat', async () => {
    const messages = chatOf(LONG, LONG, 'What?');
    const position = end(messages.slice(0, 2)) - 2;
    const known = { common: position, left: false, edited: false, gone: [] };
    const { cuts, asked } = await plan(messages, { position, known });
    expect(cuts).toEqual([`prompt ${end(messages)}`]);
    expect(asked).toEqual([3]);
  });

  it('is nothing for the same prompt again', async () => {
    const messages = chatOf(LONG);
    const known = { common: end(messages) + HEADER, left: false, edited: false, gone: [] };
    expect(await plan(messages, { position: end(messages), known })).toMatchObject({
      cuts: [],
      asked: [1],
      miss: null,
    });
  });

  it('is a state where a question is another one from some token on', async () => {
    const messages = chatOf(`${LONG} And what?`);
    const common = LONG.length;
    const known = { common, left: true, edited: true, gone: [] };
    const { cuts, miss } = await plan(messages, { position: 0, known });
    expect(cuts).toEqual([`junction ${common}`, `prompt ${end(messages)}`]);
    expect(miss).toEqual({ reason: 'edited', at: common });
  });

  it('tells an edited chat from a new one that begins with the same words', async () => {
    const known = (common: number) => ({ common, left: true, edited: true, gone: [] });
    const short = chatOf('What is it?', 'That.', 'Why?');
    // Within the first question.
    expect((await plan(short, { position: 0, known: known(12) })).miss).toBeNull();
    // Behind it.
    expect((await plan(short, { position: 0, known: known(25) })).miss).toEqual({ reason: 'edited', at: 25 });
    // So much of a question is no chance.
    expect((await plan(chatOf(LONG), { position: 0, known: known(40) })).miss).toEqual({ reason: 'edited', at: 40 });
  });

  it('tells a chat that another template wrote', async () => {
    const states = cache();
    const messages = chatOf(LONG, LONG, 'What?');
    const before = Array.from({ length: 90 }, (_, index) => 300 + index);
    states.known.rememberPrompt(before, turnDigests(messages)[0]!);
    const known = states.known.of([300, 301, ...tinyPrompt(messages)]);
    const { miss } = await plan(messages, { position: 0, known }, states);
    expect(miss).toEqual({ reason: 'other-template', at: 2 });
  });

  it('tells a chat that another model read, until this one has read it', async () => {
    const states = cache();
    const messages = chatOf(LONG);
    const [digest] = turnDigests(messages);
    states.known.markForeign(digest!);
    expect((await plan(messages, NEW, states)).miss).toEqual({ reason: 'other-model', at: 0 });
    states.known.rememberPrompt(tinyPrompt(messages), digest!);
    const known = states.known.of(tinyPrompt(messages));
    expect((await plan(messages, { position: end(messages), known }, states)).miss).toBeNull();
  });

  it('is a state at a junction of texts', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => index);
    const prompt: Prompt = { ids, endOf: async () => null };
    const known = { common: 60, left: true, edited: true, gone: [] };
    const planned = await planPrompt(cache(), prompt, parseRequest({ prompt: ids }), { position: 0, known }, 256);
    expect(planned).toEqual({
      cuts: [{ at: 60, kind: 'junction' }],
      hasHeader: false,
      miss: { reason: 'edited', at: 60 },
    });
  });
});
