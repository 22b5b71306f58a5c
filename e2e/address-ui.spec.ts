// A chat has an address in the page's hash, where the page wants that.

import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { scriptEngine } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const SCRIPT = {
  answers: {
    'About apples': { pieces: ['They are fruit.'] },
    'About rivers': { pieces: ['They flow.'] },
    '*': { pieces: ['Yes.'] },
  },
};

const hash = (page: Page): Promise<string> => page.evaluate(() => location.hash);

test('back and forward move between chats, and an address opens its chat', async ({ context, page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const { answers, input, newChat } = chat(page);
  await expect(page.getByText('Your chats will be kept here')).toBeVisible();
  expect(await hash(page)).toBe('');
  await ask(page, 'About apples');
  await expect(answers).toHaveText('They are fruit.');
  await expect.poll(() => hash(page)).toMatch(/^#chat=\w+$/);
  const apples = await hash(page);
  await newChat.click();
  await expect.poll(() => hash(page)).toBe('');
  await ask(page, 'About rivers');
  await expect(answers).toHaveText('They flow.');
  await expect.poll(() => hash(page)).toMatch(/^#chat=\w+$/);
  const rivers = await hash(page);
  expect(rivers).not.toBe(apples);
  await page.goBack();
  await expect(answers).toHaveText('They are fruit.');
  await expect(page.locator('[aria-current=true]')).toHaveText('About apples');
  await page.goForward();
  await expect(answers).toHaveText('They flow.');
  expect(await hash(page)).toBe(rivers);
  // Another tab begins where the address says, and keeps what is typed there.
  const other = await context.newPage();
  await scriptEngine(other, SCRIPT);
  await other.goto(`/${apples}`);
  await expect(chat(other).answers).toHaveText('They are fruit.');
  await input.fill('typed here');
  await page.reload();
  await expect(answers).toHaveText('They flow.');
  await expect(input).toHaveValue('typed here');
  // A visit without an address finds the former chat.
  await page.goto('/');
  await expect(answers).toHaveText('They flow.');
  await expect.poll(() => hash(page)).toBe(rivers);
  // An address that is typed is followed as well.
  await page.evaluate((to) => {
    location.hash = to;
  }, apples);
  await expect(answers).toHaveText('They are fruit.');
});

for (const [device, viewport] of [
  ['a desktop', { width: 1280, height: 720 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  test(`on ${device}, an address of no chat says so, and is left`, async ({ page }) => {
    await page.setViewportSize(viewport);
    await scriptEngine(page, SCRIPT);
    await page.goto('/#chat=nowhere');
    const { alert, answers } = chat(page);
    await expect(alert).toContainText('There is no chat at this address.');
    expect(await hash(page)).toBe('');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
    }
    await ask(page, 'About apples');
    await expect(answers).toHaveText('They are fruit.');
    await expect(alert).toHaveCount(0);
    await expect.poll(() => hash(page)).toMatch(/^#chat=\w+$/);
    const apples = await hash(page);
    await page.evaluate(() => {
      location.hash = '#chat=gone%20';
    });
    await expect(alert).toContainText('There is no chat at this address.');
    await expect(answers).toHaveText('They are fruit.');
    expect(await hash(page)).toBe(apples);
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await expect(alert).toHaveCount(0);
  });
}

test('a page that does not ask for addresses keeps its hash to itself', async ({ page }) => {
  await page.route('**/', async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(/(<bamba-chat [^>]*?) hash\b(=""|)/, '$1');
    expect(body).not.toMatch(/<bamba-chat [^>]*hash/);
    await route.fulfill({ response, body });
  });
  await scriptEngine(page, SCRIPT);
  await page.goto('/#chat=nowhere');
  const visited = await page.evaluate(() => history.length);
  await ask(page, 'About apples');
  await expect(chat(page).answers).toHaveText('They are fruit.');
  await chat(page).newChat.click();
  await ask(page, 'About rivers');
  await expect(chat(page).answers).toHaveText('They flow.');
  await page.locator('.chat-title').nth(1).click();
  await expect(chat(page).answers).toHaveText('They are fruit.');
  expect(await hash(page)).toBe('#chat=nowhere');
  expect(await page.evaluate(() => history.length)).toBe(visited);
});
