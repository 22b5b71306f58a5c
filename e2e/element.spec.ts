// The element in other pages: the examples as they are built, and what a page can do with it.

import type { Page } from '@playwright/test';
import type { Engine } from '../src/engine/protocol.ts';
import { serveQuickPackage } from './quick-package.ts';
import { release, requests, scriptEngine, words } from './scripted-engine.ts';
import { chat, expect, test } from './ui-test.ts';

const FINE = { answers: { '*': { pieces: ['Fine.'] } } };

test('waits for the first question, leaves out what it is told to, and tells the page of answers', async ({ page }) => {
  await scriptEngine(page, FINE);
  await page.goto('/examples/element.html');
  const { answers, input, settings } = chat(page);
  await expect(page.getByRole('button', { name: 'Load the model' })).toBeVisible();
  expect(await page.evaluate(() => window.engineProbe.loads)).toEqual([]);
  for (const name of [/^Chats$/, /^Models/]) await expect(page.getByRole('button', { name })).toHaveCount(0);
  await expect(settings).toHaveCount(0);
  await input.fill('Apple?');
  await input.press('Enter');
  await expect(answers).toHaveText('Fine.');
  await expect(page.locator('#asked')).toHaveText('1');
  // An attribute is a setting of every question.
  expect(await requests(page)).toMatchObject([{ maxTokens: 64 }]);
  // Without a list of chats, nothing is kept.
  await page.reload();
  await expect(page.getByText('What does it mean?')).toBeVisible();
});

test('two elements share one engine, and one waits for the other', async ({ page }) => {
  await scriptEngine(page, {
    answers: { held: { pieces: ['First.'], hold: true }, '*': { pieces: words('Second, after all.') } },
  });
  await page.goto('/examples/two.html');
  const [left, right] = [page.locator('#left'), page.locator('#right')];
  const ask = async (side: typeof left, question: string): Promise<void> => {
    await side.getByRole('textbox', { name: 'Your question' }).fill(question);
    await side.getByRole('button', { name: 'Send' }).click();
  };
  await ask(left, 'held');
  await ask(right, 'quick');
  await expect(right.getByRole('button', { name: 'Stop' })).toBeVisible();
  await expect.poll(async () => (await requests(page)).length).toBe(1);
  await release(page);
  await expect(left.locator('.markdown')).toHaveText('First.');
  await expect(right.locator('.markdown')).toHaveText('Second, after all.');
  expect(await page.evaluate(() => window.engineProbe.loads)).toHaveLength(1);
  // The engine lives as long as anybody uses it.
  await left.evaluate((element) => element.remove());
  await ask(right, 'still there?');
  await expect(right.locator('.markdown')).toHaveCount(2);
  expect(await page.evaluate(() => window.engineProbe.disposed)).toBe(0);
  await right.evaluate((element) => element.remove());
  await expect.poll(() => page.evaluate(() => window.engineProbe.disposed)).toBe(1);
});

test('a page’s rules for everything stay outside, what the chat offers to be set reaches in', async ({ page }) => {
  await scriptEngine(page, FINE);
  await page.goto('/examples/dressed.html');
  const { answers, input, send } = chat(page);
  await input.fill('Apple?');
  await input.press('Enter');
  await expect(answers).toHaveText('Fine.');
  const text = answers.locator('p');
  await expect(text).toHaveCSS('letter-spacing', 'normal');
  await expect(text).toHaveCSS('text-transform', 'none');
  await expect(text).toHaveCSS('margin-top', '0px');
  await expect(text).toHaveCSS('color', 'rgb(28, 35, 31)');
  await expect(text).toHaveCSS('font-family', 'Georgia, serif');
  await expect(input).toHaveCSS('border-top-width', '0px');
  await expect(send).toHaveCSS('font-size', /1[0-9](\.\d+)?px/);
  await expect(page.locator('.header')).toHaveCSS('border-bottom-color', 'rgb(31, 79, 209)');
  // And the other way round: the page's button is the page's.
  await expect(page.getByRole('button', { name: 'A button of this page' })).toHaveCSS('border-top-width', '6px');
});

test('a page drives the element by its properties and methods, with an engine of its own', async ({ page }) => {
  await scriptEngine(page, FINE);
  await page.goto('/examples/element.html');
  const heard = await page.evaluate(drive);
  expect(heard).toEqual({
    before: { busy: false, info: undefined },
    answer: { question: 'One?', answer: 'You asked: One?' },
    stopped: 'You asked',
    messages: [
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'You asked: One?' },
    ],
    shown: [
      { role: 'user', content: 'Before?' },
      { role: 'assistant', content: 'Yes.' },
    ],
    asked: [
      {
        messages: [
          { role: 'system', content: 'Be short.' },
          { role: 'user', content: 'One?' },
        ],
        temperature: 0.5,
      },
    ],
    refused: 'busy',
    failed: { code: 'network', message: 'Away.' },
    events: ['bamba-ready', 'bamba-question', 'bamba-answer'],
    disposed: 0,
  });
  expect(await page.evaluate(() => window.engineProbe.loads)).toEqual([]);
});

/** Runs in the page, alone. */
async function drive(): Promise<unknown> {
  const asked: unknown[] = [];
  const faults: Error[] = [];
  let disposed = 0;
  let resume = (): void => undefined;
  const engine = {
    info: {
      model: { name: 'Own', parameters: 1e6, scheme: 'f32', bytes: 4e6, contextLength: 64, hasChatTemplate: true },
      adapter: { vendor: 'own', architecture: '', description: '', features: [], tuned: false },
      sampling: {},
    },
    async *generate(request: { messages: { content: string }[] }, options: { signal?: AbortSignal }) {
      asked.push(request);
      for (const fault of faults) throw fault;
      yield { type: 'text', text: 'You asked', ids: [1] };
      if (request.messages.at(-1)?.content === 'Long?') {
        await new Promise<void>((resolve) => {
          resume = resolve;
          options.signal?.addEventListener('abort', () => resolve());
        });
      } else yield { type: 'text', text: `: ${request.messages.at(-1)?.content}`, ids: [2] };
      yield { type: 'end', finishReason: options.signal?.aborted ? 'abort' : 'stop', usage: undefined };
    },
    async dispose() {
      disposed++;
    },
  };
  const element = document.createElement('bamba-chat');
  element.setAttribute('temperature', '0.5');
  element.setAttribute('without', 'history');
  element.system = 'Be short.';
  const events: string[] = [];
  for (const type of ['bamba-ready', 'bamba-question', 'bamba-answer']) {
    document.addEventListener(type, () => events.push(type), { once: true });
  }
  const before = { busy: element.busy, info: element.info };
  element.engine = engine as unknown as Engine;
  document.body.append(element);
  await element.updateComplete;
  const { question, answer } = await element.ask('One?');
  const { messages } = element;
  const long = element.ask('Long?');
  const refused = await element.ask('Another?').catch((error: { code: string }) => error.code);
  while (!element.messages.at(-1)?.content.endsWith('asked')) await new Promise(requestAnimationFrame);
  element.stop();
  const stopped = (await long).answer;
  resume();
  faults.push(Object.assign(new Error('Away.'), { name: 'BambaError', code: 'network' }));
  const failed = await element
    .ask('Fails?')
    .catch(({ code, message }: { code: string; message: string }) => ({ code, message }));
  element.messages = [
    { role: 'user', content: 'Before?' },
    { role: 'assistant', content: 'Yes.' },
  ];
  const shown = element.messages;
  element.remove();
  await new Promise(requestAnimationFrame);
  const first = asked.slice(0, 1);
  return {
    before,
    answer: { question, answer },
    stopped,
    messages,
    shown,
    asked: first,
    refused,
    failed,
    events,
    disposed,
  };
}

test('an engine without the element answers in a page of its own', async ({ page }: { page: Page }) => {
  test.setTimeout(300_000);
  // What Lexicon says is tested with the page; here, that the example shows what its model says.
  await serveQuickPackage(page, '**/models/lexicon/**');
  await page.goto('/examples/engine.html');
  await expect(page.getByText('quick is ready.')).toBeVisible({ timeout: 180_000 });
  await page.getByRole('button', { name: 'Look up' }).click();
  await expect(page.getByRole('status')).toHaveText(/^\d+ tokens\/s$/, { timeout: 60_000 });
  await expect(page.locator('blockquote')).not.toBeEmpty();
});
