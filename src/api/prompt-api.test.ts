import { describe, expect, test, vi } from 'vitest';
import type { GenerationRequest } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { endEvent } from '../testing/engines/fake-engine.ts';
import { type Script, SessionEngine } from '../testing/engines/session-engine.ts';
import { languageModel } from './prompt-api.ts';
import type { LanguageModelCreateOptions, LanguageModelPrompt } from './prompt-api/types.ts';

const withEngine = (script?: Script, contextLength?: number) => {
  const engine = new SessionEngine(script, contextLength);
  const api = languageModel({ engine });
  return { engine, api, create: (options?: LanguageModelCreateOptions) => api.create(options) };
};
const named = (name: string) => expect.objectContaining({ name }) as unknown;
const system = { role: 'system', content: 'Be brief.' } as const;
const said = ({ messages = [] }: GenerationRequest) => messages.map(({ role, content }) => `${role}: ${content}`);

async function read(stream: ReadableStream<string>): Promise<string[]> {
  const pieces: string[] = [];
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
  return pieces;
}

describe('a session', () => {
  test('answers from its conversation, whole and in pieces', async () => {
    const { engine, create } = withEngine();
    const session = await create({ initialPrompts: [system] });
    expect(await session.prompt('Hi')).toBe('Fine.');
    expect(await read(session.promptStreaming('And?'))).toEqual(['Fine', '.']);
    expect(said(engine.asked[1]!)).toEqual(['system: Be brief.', 'user: Hi', 'assistant: Fine.', 'user: And?']);
    // Its beginning was read before the question.
    expect(engine.requests[0]).toMatchObject({ messages: [system], readAhead: true });
  });

  test('counts what the conversation takes, and what a prompt would add', async () => {
    const { engine, create } = withEngine();
    const session = await create();
    expect([session.contextUsage, session.contextWindow]).toEqual([0, 1000]);
    const measured = await session.measureContextUsage('Hello');
    expect(measured).toBe('Hello\n>'.length);
    expect(engine.requests).toEqual([]);
    await session.prompt('Hello');
    expect(session.contextUsage).toBe('Hello\nFine.\n'.length);
    await session.append([
      {
        role: 'user',
        content: [
          { type: 'text', value: 'a' },
          { type: 'text', value: 'b' },
        ],
      },
    ]);
    expect(session.contextUsage).toBe('Hello\nFine.\nab\n'.length);
    const schema = { responseConstraint: { type: 'number' } };
    const told = await session.measureContextUsage('x', schema);
    expect(told).toBeGreaterThan(
      await session.measureContextUsage('x', { ...schema, omitResponseConstraintInput: true }),
    );
  });

  test('goes on with an answer that the page began', async () => {
    const { engine, create } = withEngine(() => ['b = 1']);
    const session = await create();
    const began = [
      { role: 'user', content: 'Write TOML.' },
      { role: 'assistant', content: '```toml\n', prefix: true },
    ] as const;
    expect(await session.prompt(began)).toBe('b = 1');
    expect(engine.asked[0]).toMatchObject({ continueLast: true });
    await session.prompt('More.');
    expect(said(engine.asked[1]!)[1]).toBe('assistant: ```toml\nb = 1');
  });

  test('is cloned with its conversation, which goes two ways then', async () => {
    const { engine, create } = withEngine();
    const session = await create({ initialPrompts: [system], temperature: 0.1 });
    await session.prompt('Hi');
    const clone = await session.clone();
    expect(clone.contextUsage).toBe(session.contextUsage);
    expect(clone.temperature).toBe(0.1);
    await clone.prompt('One?');
    await session.prompt('Two?');
    expect(said(engine.asked[1]!).at(-1)).toBe('user: One?');
    expect(said(engine.asked[2]!).slice(-2)).toEqual(['assistant: Fine.', 'user: Two?']);
    session.destroy();
    expect(await clone.prompt('Still there?')).toBe('Fine.');
  });

  test('answers one after the other, also beside other sessions of the engine', async () => {
    const { engine, api, create } = withEngine(({ messages }) => [messages!.at(-1)!.content]);
    const [one, two] = [await create(), await languageModel({ engine }).create()];
    const answers = [one.prompt('1'), two.prompt('2'), one.prompt('3'), (await api.create()).prompt('4')];
    expect(await Promise.all(answers)).toEqual(['1', '2', '3', '4']);
    expect(said(engine.asked[2]!)).toEqual(['user: 1', 'assistant: 1', 'user: 3']);
  });

  test('calls the tools of the page, and goes on with what they say', async () => {
    const call = { type: 'toolCall', call: { id: 'c', name: 'add', arguments: '{"a":1,"b":2}' } } as const;
    const { engine, create } = withEngine(({ messages }) =>
      messages!.at(-1)!.role === 'tool' ? ['It is ', messages!.at(-1)!.content] : [call],
    );
    const execute = vi.fn(async ({ a, b }: { a: number; b: number }) => String(a + b));
    const tool = { name: 'add', description: 'Adds.', inputSchema: { type: 'object' }, execute };
    const expected = { expectedInputs: [{ type: 'tool-response' }], expectedOutputs: [{ type: 'tool-call' }] } as const;
    const session = await create({ tools: [tool], ...expected });
    expect(await session.prompt('1 + 2?')).toBe('It is 3');
    expect(execute).toHaveBeenCalledWith({ a: 1, b: 2 });
    expect(engine.asked[1]?.messages?.slice(1)).toEqual([
      { role: 'assistant', content: '', toolCalls: [call.call] },
      { role: 'tool', content: '3', toolCallId: 'c', name: 'add' },
    ]);
    await expect(create(expected)).rejects.toEqual(named('NotSupportedError'));
    execute.mockRejectedValueOnce(new Error('No adder.'));
    await expect(session.prompt('2 + 2?')).rejects.toThrow('No adder.');
  });
});

describe('an answer of a form', () => {
  test.each([
    [{ type: 'number' }, { json: { schema: { type: 'number' } } }, /by this schema: \{"type":"number"\}$/],
    [/^\d+$/u, { pattern: '^\\d+$' }, /regular expression: \/\^\\d\+\$\/u$/],
  ])('is held to %s, and the model is told', async (responseConstraint, form, hint) => {
    const { engine, create } = withEngine(() => ['7']);
    const session = await create();
    expect(await session.prompt('How many?', { responseConstraint })).toBe('7');
    expect(engine.asked[0]).toMatchObject(form);
    expect(engine.asked[0]?.messages?.[0]?.content).toMatch(hint);
    await session.prompt('And?', { responseConstraint, omitResponseConstraintInput: true });
    expect(engine.asked[1]?.messages?.at(-1)?.content).toBe('And?');
  });

  test('is refused where it cannot be kept to, or is none', async () => {
    const { create } = withEngine(() => {
      throw new BambaError('setting_invalid', 'The JSON schema cannot be used.');
    });
    const session = await create();
    const ask = (responseConstraint: unknown) =>
      session.prompt('?', { responseConstraint: responseConstraint as object, omitResponseConstraintInput: false });
    for (const pattern of [/a/i, new RegExp('\\p{L}'), /a.b/s])
      await expect(ask(pattern)).rejects.toEqual(named('NotSupportedError'));
    await expect(ask({ contains: 1 })).rejects.toEqual(named('NotSupportedError'));
    for (const none of ['a', 3, []]) await expect(ask(none)).rejects.toThrow(TypeError);
    await expect(session.prompt('?', { omitResponseConstraintInput: true })).rejects.toThrow(TypeError);
    expect(session.contextUsage).toBe(0);
  });

  test('is an error where the context ends before it', async () => {
    const { create } = withEngine(() => ['{', endEvent('length')]);
    const session = await create();
    await expect(session.prompt('?', { responseConstraint: {} })).rejects.toEqual(named('SyntaxError'));
  });
});

describe('a conversation that grows too long', () => {
  test('loses its oldest rounds, never what it began with, and says so', async () => {
    const { engine, create } = withEngine(() => ['ok'], 50);
    const session = await create({ initialPrompts: [system] });
    const heard: string[] = [];
    session.addEventListener('contextoverflow', () => heard.push('listener'));
    session.oncontextoverflow = () => heard.push('handler');
    for (const question of ['question 1', 'question 2', 'question 3']) await session.prompt(question);
    expect(said(engine.asked[2]!)).toEqual([
      'system: Be brief.',
      'user: question 2',
      'assistant: ok',
      'user: question 3',
    ]);
    expect(heard.toSorted()).toEqual(['handler', 'listener']);
    expect(session.contextUsage).toBeLessThan(50);
    await session.append('x'.repeat(30));
    expect(session.contextUsage).toBe('Be brief.\n'.length + 31);
  });

  test('keeps everything where even that would not do', async () => {
    const { create } = withEngine(() => ['ok'], 50);
    const session = await create({ initialPrompts: [system] });
    await session.prompt('Hi');
    const { contextUsage } = session;
    const refused = await session.prompt('x'.repeat(60)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'QuotaExceededError', requested: 10 + 62, quota: 50 });
    expect(refused).toBeInstanceOf(DOMException);
    expect(session.contextUsage).toBe(contextUsage);
    await expect(create({ initialPrompts: [{ role: 'user', content: 'x'.repeat(60) }] })).rejects.toEqual(
      named('QuotaExceededError'),
    );
  });
});

describe('what is ended', () => {
  /** A session whose answers wait. */
  const waiting = async () => {
    const { engine, create } = withEngine();
    let open = () => {};
    engine.gate = new Promise((resolve) => {
      open = resolve;
    });
    return { engine, session: await create(), open };
  };

  test('is no part of the conversation, whether it is being answered or waits', async () => {
    const { session, open } = await waiting();
    const controllers = [new AbortController(), new AbortController()];
    const asked = controllers.map(({ signal }, index) => session.prompt(`${index}`, { signal }));
    const last = session.prompt('last');
    controllers[1]!.abort(new Error('my reason'));
    await expect(asked[1]).rejects.toThrow('my reason');
    controllers[0]!.abort();
    open();
    await expect(asked[0]).rejects.toEqual(named('AbortError'));
    expect(await last).toBe('Fine.');
    expect(session.contextUsage).toBe('last\nFine.\n'.length);
    await expect(session.append('x', { signal: AbortSignal.abort() })).rejects.toEqual(named('AbortError'));
    const measuring = session.measureContextUsage('x', { signal: AbortSignal.abort() });
    await expect(measuring).rejects.toEqual(named('AbortError'));
  });

  test('by cancelling a stream frees the engine', async () => {
    const { session, open } = await waiting();
    const stream = session.promptStreaming('?');
    await stream.cancel();
    open();
    expect(await session.prompt('next')).toBe('Fine.');
    expect(session.contextUsage).toBe('next\nFine.\n'.length);
  });

  test('by destroying a session ends all that it does, and what is asked later is refused', async () => {
    const { engine, session, open } = await waiting();
    const asked = session.prompt('?');
    const streamed = read(session.promptStreaming('?'));
    session.destroy();
    session.destroy();
    open();
    await expect(asked).rejects.toEqual(named('AbortError'));
    await expect(streamed).rejects.toEqual(named('AbortError'));
    const { signal } = new AbortController();
    for (const late of [session.prompt('?'), session.append('?'), session.clone({ signal })]) {
      await expect(late).rejects.toEqual(named('InvalidStateError'));
    }
    await expect(session.measureContextUsage('?')).rejects.toEqual(named('InvalidStateError'));
    // An engine that the page brought is the page's.
    expect(engine.disposed).toBe(0);
  });

  test('by the signal of create ends the session, too', async () => {
    const controller = new AbortController();
    const { create } = withEngine();
    const session = await create({ signal: controller.signal });
    controller.abort();
    await expect(session.prompt('?')).rejects.toEqual(named('InvalidStateError'));
    await expect(create({ signal: controller.signal })).rejects.toEqual(named('AbortError'));
  });
});

describe('a prompt that is none', () => {
  const assistant = (content: string, prefix = false) => ({ role: 'assistant', content, prefix }) as const;
  test.each<[string, unknown, unknown]>([
    ['a system message in the middle', [{ role: 'user', content: 'a' }, system], named('TypeError')],
    ['a prefix of a question', [{ role: 'user', content: 'a', prefix: true }], named('SyntaxError')],
    ['a prefix in the middle', [assistant('a', true), assistant('b')], named('SyntaxError')],
    ['an image', [{ role: 'user', content: [{ type: 'image', value: {} }] }], named('NotSupportedError')],
    ['a text that is none', [{ role: 'user', content: [{ type: 'text', value: 3 }] }], named('TypeError')],
    ['a type that there is none of', [{ role: 'user', content: [{ type: 'smell', value: '' }] }], named('TypeError')],
    ['a role that there is none of', [{ role: 'tool', content: 'a' }], named('TypeError')],
    ['a number', 3, named('TypeError')],
  ])('is refused: %s', async (_, prompt, error) => {
    const { engine, create } = withEngine();
    const session = await create();
    await expect(session.prompt(prompt as LanguageModelPrompt)).rejects.toEqual(error);
    await expect(read(session.promptStreaming(prompt as LanguageModelPrompt))).rejects.toEqual(error);
    expect(engine.requests).toEqual([]);
  });

  test('is refused: a system message behind others, and a prefix that nothing answers', async () => {
    const { create } = withEngine();
    const session = await create();
    await session.append([system]);
    await expect(session.prompt([system])).rejects.toThrow(TypeError);
    await expect(session.append([assistant('a', true)])).rejects.toEqual(named('NotSupportedError'));
  });
});

describe('sampling', () => {
  test.each([
    [{}, 'balanced', {}],
    [{ samplingMode: 'most-predictable' }, 'most-predictable', { temperature: 0 }],
    [{ samplingMode: 'creative' }, 'creative', { temperature: 1 }],
    [{ temperature: Infinity, topK: 3.7 }, 'balanced', { temperature: 2, topK: 3 }],
  ] as const)('of %j is that of the mode, or of the numbers', async (options, mode, settings) => {
    const { engine, api, create } = withEngine();
    const session = await create(options);
    await session.prompt('?');
    expect(engine.asked[0]).toMatchObject(settings);
    expect(session.samplingMode).toBe(mode);
    expect([session.temperature, session.topK]).toEqual([
      'temperature' in settings ? settings.temperature : 0.8,
      'topK' in settings ? settings.topK : 40,
    ]);
    expect(await api.params()).toEqual({ defaultTopK: 40, maxTopK: 1024, defaultTemperature: 0.8, maxTemperature: 2 });
  });

  test('that is none is refused', async () => {
    const { create } = withEngine();
    await expect(create({ temperature: -1 })).rejects.toThrow(RangeError);
    await expect(create({ topK: 0 })).rejects.toThrow(RangeError);
    await expect(create({ samplingMode: 'wild' as never })).rejects.toThrow(TypeError);
    await expect(create({ samplingMode: 'creative', topK: 3 })).rejects.toThrow(TypeError);
  });
});

test('availability goes with what a page counts on', async () => {
  const { api } = withEngine();
  expect(await api.availability()).toBe('available');
  expect(await api.availability({ expectedInputs: [{ type: 'text', languages: ['en', 'ja'] }] })).toBe('available');
  expect(await api.availability({ expectedInputs: [{ type: 'image' }] })).toBe('unavailable');
  await expect(api.create({ expectedOutputs: [{ type: 'audio' }] })).rejects.toEqual(named('NotSupportedError'));
  const languages = ['no tag at all'];
  await expect(api.availability({ expectedInputs: [{ type: 'text', languages }] })).rejects.toThrow(RangeError);
});

test('a fault of the engine has a name of the Prompt API, and says what it was', async () => {
  const { create } = withEngine(() => {
    throw new BambaError('device_lost', 'The GPU is gone.');
  });
  const session = await create();
  await expect(session.prompt('?')).rejects.toMatchObject({
    name: 'UnknownError',
    message: 'The GPU is gone.',
    cause: expect.objectContaining({ code: 'device_lost' }) as unknown,
  });
});
