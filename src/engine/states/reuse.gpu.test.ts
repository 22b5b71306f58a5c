import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, chatOf, take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { ALL } from '../../testing/extent.ts';
import { goldenChat } from '../../testing/models/golden-chats.ts';
import { openLexiconPackage } from '../../testing/models/lexicon-package.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { NO_SPECIAL, packTinyModel, tinyPrompt, TOOL_TEMPLATE } from '../../testing/models/tiny-model.ts';
import { LocalEngine } from '../local-engine.ts';
import type { ChatMessage, GenerationRequest } from '../protocol.ts';

// What of a conversation is processed again, by the counts that requests come with.

const gpu = { gpu: sharedGpu() };
const HEADER = 'assistant: '.length;
const SETTINGS = { maxTokens: 5, logitBias: NO_SPECIAL, temperature: 0 };
/** A system prompt that is worth a state of its own. */
const SYSTEM: ChatMessage = { role: 'system', content: 'Answer in a few words, and never in more than that.' };

/** The tokens of a chat without a header. */
const length = (...messages: ChatMessage[]) => tinyPrompt(messages).length - HEADER;
/** The tokens behind an answer: the last one has not been fed. */
const behind = ({ usage }: Answer) => usage.promptTokens + usage.completionTokens - 1;
/** The tokens of a prompt before its header. */
const before = ({ usage }: Answer) => usage.promptTokens - HEADER;
/** Passes that a prompt was read in. */
const passes = ({ processed }: Answer) => processed.length - 1;

describe.skipIf(!hasAdapter)('what is read of a conversation', () => {
  let engine: LocalEngine;
  beforeAll(async () => {
    engine = await LocalEngine.load(await packTinyModel({ template: TOOL_TEMPLATE }), { gpu });
  });
  afterAll(() => engine?.dispose());

  const ask = (messages: readonly ChatMessage[], rest: GenerationRequest = {}) =>
    take(engine, { messages, ...SETTINGS, ...rest });

  test('is what is new, in a pass more than without states: one for the question, one for the header', async () => {
    const first = await ask(chatOf('How does it begin?'));
    expect(first.usage.cachedTokens).toBe(0);
    expect(passes(first)).toBe(2);
    const second = await ask(chatOf('How does it begin?', first.text, 'And then, what comes?'));
    expect(second.usage).toMatchObject({ cachedTokens: behind(first) });
    expect(second.usage.cacheMiss).toBeUndefined();
    expect(passes(second)).toBe(2);
    const again = await ask(chatOf('How does it begin?', first.text, 'And then, what comes?'));
    expect(again.usage.cachedTokens).toBe(before(second));
    expect(again.usage.cacheMiss).toBeUndefined();
    expect(passes(again)).toBe(1);
    expect(again.ids).toEqual(second.ids);
  });

  test('is what follows an edited question, which is told; the old branch is there still', async () => {
    const one = await ask(chatOf('Which branch is this one here?'));
    const opening = ['Which branch is this one here?', one.text] as const;
    const old = await ask(chatOf(...opening, 'The old one, I guess?'));
    const later = await ask(chatOf(...opening, 'The old one, I guess?', old.text, 'On and on?'));
    const edited = await ask(chatOf(...opening, 'The old two, I guess?'));
    expect(edited.usage.cachedTokens).toBe(behind(one));
    const at = length(...chatOf(...opening)) + 'user: The old '.length;
    expect(edited.usage.cacheMiss).toEqual({ reason: 'edited', at });
    const back = await ask(chatOf(...opening, 'The old one, I guess?', old.text, 'On and on?', later.text, 'Still?'));
    expect(back.usage.cachedTokens).toBe(behind(later));
    expect(back.usage.cacheMiss).toBeUndefined();
  });

  test('is the question alone where another chat had the same system prompt', async () => {
    const first = await ask([SYSTEM, ...chatOf('One?')]);
    expect(passes(first)).toBe(3);
    for (const question of ['Two of them?', 'Three of them?']) {
      const other = await ask([SYSTEM, ...chatOf(question)]);
      expect(other.usage.cachedTokens).toBe(length(SYSTEM));
      expect(other.usage.cacheMiss).toBeUndefined();
      expect(passes(other)).toBe(2);
    }
  });

  test('is a long text once more for its second question, and no more for the third', async () => {
    const text = 'A long text about this and that, of which each question wants to know something. '.repeat(10);
    const first = await ask(chatOf(`${text} Who?`));
    const second = await ask(chatOf(`${text} Where is that?`));
    // A rung of the ladder is on the way.
    expect(second.usage.cachedTokens).toBe(512);
    const common = 'user: '.length + text.length + ' Wh'.length;
    expect(second.usage.cacheMiss).toEqual({ reason: 'edited', at: common });
    const third = await ask(chatOf(`${text} Why is that?`));
    expect(third.usage.cachedTokens).toBe(common);
    expect(first.usage.promptTokens).toBeGreaterThan(800);
  });

  test('is told where another template writes the same chat', async () => {
    const messages = chatOf('Without a tool, or with one?');
    const plain = await ask(messages);
    const tools = [{ name: 'add', description: 'Adds.' }];
    const next = [...messages, ...chatOf('', plain.text, 'So?').slice(1)];
    const other = await ask(next, { tools });
    expect(other.usage).toMatchObject({ cachedTokens: 0, cacheMiss: { reason: 'other-template', at: 0 } });
    const again = await ask(next, { tools });
    expect(again.usage).toMatchObject({ cachedTokens: before(other) });
    expect(again.usage.cacheMiss).toBeUndefined();
    expect((await ask(messages)).usage.cachedTokens).toBe(before(plain));
  });

  test('is the prompt once for several answers to it', async () => {
    const messages = [SYSTEM, ...chatOf('How many answers are there to this?')];
    const answers: Answer[] = [];
    for (const seed of [1, 2, 3]) answers.push(await ask(messages, { temperature: 2, seed }));
    const [total] = answers.map(({ usage }) => usage.promptTokens);
    expect(answers.map(({ usage }) => usage.cachedTokens)).toEqual([length(SYSTEM), total! - HEADER, total! - HEADER]);
    expect(answers.map(passes)).toEqual([2, 1, 1]);
  });

  test('is a state behind an aborted prompt, for the next try', async () => {
    const messages = chatOf('This is a question of many words. '.repeat(40));
    const abort = new AbortController();
    for await (const event of engine.generate({ messages, ...SETTINGS }, { signal: abort.signal })) {
      if (event.type === 'prefill' && event.processed > 0) abort.abort();
    }
    await ask(chatOf('Something else?'));
    const { usage } = await ask(messages);
    expect(usage.cachedTokens).toBeGreaterThan(0);
    expect(usage.cachedTokens % 256).toBe(0);
  });

  test('is all of it where a loop is left while it is read, and the next answer is right', async () => {
    const messages = chatOf('A question that nobody waits for. '.repeat(30));
    for await (const event of engine.generate({ messages, ...SETTINGS })) if (event.type === 'prefill') break;
    const { ids, usage } = await ask(messages);
    expect(usage.cachedTokens % 256).toBe(0);
    const fresh = await LocalEngine.load(await packTinyModel(), { gpu });
    try {
      expect((await take(fresh, { messages, ...SETTINGS })).ids).toEqual(ids);
    } finally {
      fresh.dispose();
    }
  });
});

describe.skipIf(!hasAdapter)('where there is little room', () => {
  test('a state that had to go is told', async () => {
    const engine = await LocalEngine.load(await packTinyModel(), { gpu, stateCacheBytes: 0 });
    try {
      const messages = chatOf('A question that is long enough to be missed when it is gone.');
      await take(engine, { messages, ...SETTINGS });
      const { usage } = await take(engine, { messages, ...SETTINGS });
      expect(usage).toMatchObject({ cachedTokens: 0, cacheMiss: { reason: 'evicted', at: length(...messages) } });
    } finally {
      engine.dispose();
    }
  });

  test('the oldest turns are dropped where a request allows that, which is told, and the system prompt is kept', async () => {
    const engine = await LocalEngine.load(await packTinyModel(), { gpu, contextLength: 256 });
    try {
      const messages: ChatMessage[] = [SYSTEM];
      const dropped: number[] = [];
      for (let turn = 0; turn < 8; turn++) {
        messages.push({ role: 'user', content: `Question number ${turn}, if you please?` });
        const request = { messages: [...messages], ...SETTINGS, contextOverflow: 'drop-oldest-turns' } as const;
        const { text, usage } = await take(engine, request);
        const count = usage.droppedTurns ?? 0;
        expect(usage.promptTokens).toBe(tinyPrompt([SYSTEM, ...messages.slice(1 + 2 * count)]).length);
        if (count > (dropped.at(-1) ?? 0)) expect(usage.cachedTokens).toBe(length(SYSTEM));
        else if (turn > 0) expect(usage.cachedTokens).toBeGreaterThan(length(SYSTEM));
        dropped.push(count);
        messages.push({ role: 'assistant', content: text });
      }
      expect(dropped[0]).toBe(0);
      expect(dropped.at(-1)).toBeGreaterThan(2);
      const refused = take(engine, { messages: [...messages, ...chatOf('Last?')], ...SETTINGS });
      await expect(refused).rejects.toMatchObject({ code: 'prompt_too_long' });
    } finally {
      engine.dispose();
    }
  });
});

describe.skipIf(!hasAdapter || !ALL)('of a chat with Lexicon', () => {
  /** Tokens of the header that its answers begin with. */
  const LEXICON_HEADER = 5;

  test('a turn, an edit, a new answer and the old branch process what is new', { timeout: 600_000 }, async () => {
    const engine = await LocalEngine.load(await openLexiconPackage(), { gpu });
    try {
      const chat = goldenChat('What is 27 + 46?');
      const said: string[] = [];
      const answers: Answer[] = [];
      const ask = (...contents: string[]) => take(engine, { messages: chatOf(...contents) });
      for (const { question, answer, prompt_ids: prompt } of chat) {
        const given = await ask(...said, question);
        expect(given.text).toBe(answer);
        expect(given.usage.promptTokens).toBe(prompt.length);
        expect(given.usage.cachedTokens).toBe(answers.length > 0 ? behind(answers.at(-1)!) : 0);
        said.push(question, answer);
        answers.push(given);
      }
      const [first, , third] = answers;

      const edited = await ask(...said.slice(0, 2), 'What is 7 plus 8?');
      expect(edited.usage.cachedTokens).toBe(behind(first!));
      expect(edited.usage.cacheMiss).toMatchObject({ reason: 'edited' });
      expect(edited.usage.cacheMiss!.at).toBeGreaterThan(behind(first!));

      const again = await ask(...said.slice(0, 2), 'What is 7 plus 8?');
      expect(again.usage.cachedTokens).toBe(edited.usage.promptTokens - LEXICON_HEADER);
      expect(again.ids).toEqual(edited.ids);

      const back = await ask(...said, 'plus 3?');
      expect(back.usage.cachedTokens).toBe(behind(third!));
      expect(back.usage.cacheMiss).toBeUndefined();
    } finally {
      engine.dispose();
    }
  });
});
