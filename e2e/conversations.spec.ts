// One conversation with all that people do to it: each time the engine processes the new tokens, and no others. With Lexicon
// and 20 turns where everything is tested, else with a quick model and a few; BAMBA_TURNS says how many.

import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { NEAR_TOKENS } from '../src/generate/cuts.ts';
import { ALL } from '../src/testing/extent.ts';
import { NO_SPECIAL } from '../src/testing/models/tiny-model.ts';
import type { ChatMessage } from '../src/engine/protocol.ts';
import { useHubPage } from './hub-page.ts';
import { MODEL_NAME, serveModel, watchWorkers } from './watched-model.ts';

const served = useHubPage(() => ({}));
const TURNS = Number(process.env['BAMBA_TURNS'] ?? (ALL ? 20 : 5));
const QUESTIONS = [
  'What is an apple?',
  'What is the capital of France?',
  'What is 27 + 14?',
  'What is the symbol of iron?',
  'What is a harbour?',
];
const CHAT = 'the chat';

/** One answer, with the counts that say what was processed for it. */
interface Turn {
  text: string;
  promptTokens: number;
  cachedTokens: number;
  /** Tokens that the engine has read by the end: all but the last one of the answer. */
  read: number;
  /** Of the prompt, up to the header of its answer. */
  asked: number;
}

async function open(context: BrowserContext, from?: Page): Promise<Page> {
  const page = from ?? (await context.newPage());
  if (from) await page.reload();
  else {
    await serveModel(page);
    await watchWorkers(page);
    await page.goto(served.url);
  }
  await page.evaluate(() => {
    // Room for the states of all turns: what is dropped for want of it is another matter.
    window.chatting = window.bamba.createEngine({ model: '/models/watched/', stateCacheBytes: 512 * 2 ** 20 });
  });
  return page;
}

/** Asks, as the next turn of the chat. */
async function ask(page: Page, messages: readonly ChatMessage[]): Promise<Turn> {
  return page.evaluate(
    async ({ messages: asked, ...rest }) => {
      const engine = await window.chatting;
      const until = await engine.countTokens(asked, { readAhead: true });
      let text = '';
      for await (const event of engine.generate({ messages: asked, temperature: 0, ...rest })) {
        if (event.type === 'text') text += event.text;
        if (event.type !== 'end') continue;
        const { promptTokens, cachedTokens, completionTokens } = event.usage;
        return { text, promptTokens, cachedTokens, read: promptTokens + completionTokens - 1, asked: until };
      }
      throw new Error('The answer has no end.');
    },
    // A quick model draws tokens that have no text: they would not come again in the next prompt.
    { messages, conversation: CHAT, ...(ALL ? { maxTokens: 60 } : { maxTokens: 6, logitBias: NO_SPECIAL }) },
  );
}

/** Waits until so many tokens of the chat are kept in the browser. */
async function kept(page: Page, tokens: number): Promise<void> {
  const found = () =>
    page.evaluate(async (name) => {
      const all = await window.bamba.storedStates();
      return all.find(({ conversation }) => conversation === name)?.tokens;
    }, CHAT);
  await expect.poll(found, { timeout: 60_000 }).toBe(tokens);
}

test(`a conversation of ${TURNS} turns with ${MODEL_NAME} is read once, whatever is done to it`, async ({
  context,
}) => {
  test.setTimeout(ALL ? 3_600_000 : 240_000);
  let page = await open(context);
  const messages: ChatMessage[] = [];
  const turns: Turn[] = [];
  const cached: string[] = [];
  const note = (what: string, { cachedTokens, promptTokens }: Turn) =>
    cached.push(`${what} ${cachedTokens} of ${promptTokens}`);
  const next = async (question: string, what = `turn ${turns.length + 1}`): Promise<Turn> => {
    messages.push({ role: 'user', content: question });
    const turn = await ask(page, messages);
    messages.push({ role: 'assistant', content: turn.text });
    turns.push(turn);
    note(what, turn);
    return turn;
  };
  for (let turn = 0; turn < TURNS; turn++) {
    const before = turns.at(-1)?.read ?? 0;
    if (turn === TURNS >> 1) {
      const edited = await ask(page, [...messages.slice(0, 2), { role: 'user', content: 'What is a river?' }]);
      note('turn 2 edited', edited);
      expect(edited.cachedTokens).toBeGreaterThanOrEqual(turns[0]!.read);
    }
    const { cachedTokens } = await next(QUESTIONS[turn % QUESTIONS.length]!);
    expect(cachedTokens).toBe(before);
    // In the middle of it, the page is loaded again.
    if (turn !== TURNS >> 1) continue;
    await kept(page, turns.at(-1)!.read);
    page = await open(context, page);
    cached.push('a reload');
  }
  const last = turns.at(-1)!;

  const again = await ask(page, messages.slice(0, -1));
  note('again', again);
  expect(again.cachedTokens).toBe(last.asked);
  expect(again.text).toBe(last.text);

  // After a reload only the last state is known: what was read before that is read once more, and known from then on.
  const edited: ChatMessage[] = [...messages.slice(0, 2), { role: 'user', content: 'What is a boat?' }];
  const first = await ask(page, edited);
  note('turn 2 edited after the reload', first);
  const branch = await ask(page, [...edited, { role: 'assistant', content: first.text }, messages[2]!]);
  note('the branch', branch);
  expect(branch.cachedTokens).toBe(first.read);
  const other = await ask(page, [...messages.slice(0, 2), { role: 'user', content: 'What is a tree?' }]);
  note('turn 2 edited again', other);
  expect(other.cachedTokens).toBeGreaterThanOrEqual(first.cachedTokens);
  expect(other.promptTokens - other.cachedTokens).toBeLessThan(first.asked);

  const back = await next('What is a lamp?', 'back to the old branch');
  expect(back.cachedTokens).toBe(last.read);
  await kept(page, back.read);

  // The tab is closed, and another one opened.
  await page.close();
  page = await open(context);
  const later = await next('And a door?', 'in another tab');
  expect(later.cachedTokens).toBe(back.read);

  // The GPU is lost, and all states on it.
  await kept(page, later.read);
  await page.evaluate(() => window.destroyDevice());
  const recovered = await next('And a wall?', 'after the GPU was lost');
  expect(recovered.cachedTokens).toBe(later.read);

  // In a new page as well: another answer to the last question, and another question in its place.
  await kept(page, recovered.read);
  page = await open(context, page);
  const anew = await ask(page, messages.slice(0, -1));
  note('again after a reload', anew);
  expect(recovered.asked - anew.cachedTokens).toBeLessThanOrEqual(NEAR_TOKENS);
  expect(anew.text).toBe(recovered.text);
  page = await open(context, page);
  const instead = await ask(page, [...messages.slice(0, -2), { role: 'user', content: 'And a gate?' }]);
  note('the last question edited after a reload', instead);
  expect(instead.cachedTokens).toBe(later.read);
  console.log(`Tokens that were known: ${cached.join(', ')}`);
});
