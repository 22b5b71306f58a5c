// The list of chats: kept, searched, renamed, deleted and brought back, taken out and in; questions asked anew.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { requests, scriptEngine, words } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const ANSWERS = {
  'About apples': { pieces: ['They are fruit.'] },
  'About rivers': { pieces: ['They flow.'] },
  '*': { pieces: ['Yes.'] },
};

const titles = (page: Page): ReturnType<Page['locator']> => page.locator('.chat-title');

async function more(page: Page, title: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `More for “${title}”` }).click();
  await page.getByRole('button', { name: action }).click();
}

test('chats are kept, opened, searched, renamed, deleted and brought back', async ({ page }) => {
  await scriptEngine(page, { answers: ANSWERS });
  await page.goto('/');
  const { answers, announced, input, newChat } = chat(page);
  await expect(page.getByText('Your chats will be kept here')).toBeVisible();
  await ask(page, 'About apples');
  await expect(answers).toHaveText('They are fruit.');
  await newChat.click();
  await ask(page, 'About rivers');
  await expect(answers).toHaveText('They flow.');
  await expect(titles(page)).toHaveText(['About rivers', 'About apples']);
  // What was typed and not sent stays with its chat, also over a reload.
  await input.fill('and lakes?');
  await page.getByRole('button', { name: 'About apples', exact: true }).click();
  await expect(answers).toHaveText('They are fruit.');
  await expect(input).toHaveValue('');
  await expect(page.locator('[aria-current=true]')).toHaveText('About apples');
  await page.getByRole('button', { name: 'About rivers', exact: true }).click();
  await expect(input).toHaveValue('and lakes?');
  await page.reload();
  await expect(answers).toHaveText('They flow.');
  await expect(input).toHaveValue('and lakes?');
  await input.press('Enter');
  await expect(answers.nth(1)).toHaveText('Yes.');
  expect((await requests(page))[0]?.messages).toHaveLength(3);

  await page.getByRole('searchbox', { name: 'Search chats' }).fill('FRUIT');
  await expect(titles(page)).toHaveText(['About apples']);
  await expect(announced).toHaveText('1 chat found.');
  await page.getByRole('searchbox').fill('stones');
  await expect(page.getByText('No chat has these words.')).toBeVisible();
  await page.getByRole('searchbox').fill('');
  await expect(titles(page)).toHaveCount(2);

  await more(page, 'About apples', 'Rename');
  await page.getByRole('textbox', { name: 'Title of the chat' }).fill('Fruit');
  await page.keyboard.press('Enter');
  await expect(titles(page)).toHaveText(['About rivers', 'Fruit']);
  await expect(page.getByRole('button', { name: 'Fruit', exact: true })).toBeFocused();
  await more(page, 'Fruit', 'Rename');
  await page.keyboard.type('Nothing');
  await page.keyboard.press('Escape');
  await expect(titles(page)).toHaveText(['About rivers', 'Fruit']);

  await more(page, 'About rivers', 'Delete');
  await expect(titles(page)).toHaveText(['Fruit']);
  await expect(answers).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(titles(page)).toHaveText(['About rivers', 'Fruit']);
  await page.getByRole('button', { name: 'About rivers', exact: true }).click();
  await expect(answers).toHaveText(['They flow.', 'Yes.']);
});

test('chats are saved as files and read in again; a file that is none is refused', async ({ page }) => {
  await scriptEngine(page, { answers: ANSWERS });
  await page.goto('/');
  await ask(page, 'About apples');
  await expect(chat(page).answers).toHaveText('They are fruit.');
  const saved = async (act: () => Promise<void>): Promise<{ name: string; text: string; path: string }> => {
    const waiting = page.waitForEvent('download');
    await act();
    const download = await waiting;
    const path = await download.path();
    return { name: download.suggestedFilename(), text: readFileSync(path, 'utf8'), path };
  };
  const markdown = await saved(() => more(page, 'About apples', 'Save as Markdown'));
  expect(markdown.name).toBe('About apples.md');
  expect(markdown.text).toContain('## You\n\nAbout apples\n');
  expect(markdown.text).toContain('## Lexicon\n\nThey are fruit.\n');
  const json = await saved(() => page.getByRole('button', { name: 'Export all' }).click());
  expect(JSON.parse(json.text)).toMatchObject({ chats: [{ turns: [{ answer: 'They are fruit.' }] }] });

  const files = page.locator('input.files');
  const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  await files.setInputFiles([file('a.md', markdown.text), file('b.json', json.text)]);
  // The chat itself is here already; Markdown does not say which chat it is, and is a copy, once.
  await expect(titles(page)).toHaveText(['About apples', 'About apples']);
  await expect(chat(page).announced).toHaveText('1 chat imported.');
  await files.setInputFiles([file('a.md', markdown.text), file('b.json', json.text)]);
  await expect(chat(page).announced).toHaveText('All of these chats are here already.');
  await files.setInputFiles(file('c.json', '{"messages": []}'));
  await expect(chat(page).alert).toContainText('This file cannot be read as chats');
  await expect(titles(page)).toHaveCount(2);
  await titles(page).nth(1).click();
  await expect(chat(page).answers).toHaveText('They are fruit.');
});

test('an earlier question is changed and asked again, and what followed gives way', async ({ page }) => {
  await scriptEngine(page, { answers: { ...ANSWERS, slow: { pieces: words('on and on '.repeat(50)), delayMs: 30 } } });
  await page.goto('/');
  const { answers, questions, input } = chat(page);
  await ask(page, 'About apples');
  await expect(answers).toHaveText('They are fruit.');
  await ask(page, 'More?');
  await expect(answers).toHaveText(['They are fruit.', 'Yes.']);
  const edit = page.getByRole('button', { name: 'Change this question' });
  await questions.first().hover();
  await edit.first().click();
  const editor = page.getByRole('textbox', { name: 'Change your question' });
  await expect(editor).toBeFocused();
  await expect(editor).toHaveValue('About apples');
  await page.keyboard.press('Escape');
  await expect(edit.first()).toBeFocused();
  await page.keyboard.press('Enter');
  await editor.fill('About rivers');
  await expect(page.getByText('What follows is replaced.')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(answers).toHaveText(['They flow.']);
  await expect(input).toBeFocused();
  expect((await requests(page)).at(-1)?.messages).toEqual([{ role: 'user', content: 'About rivers' }]);
  await page.reload();
  await expect(answers).toHaveText(['They flow.']);
  // While an answer is written, there is nothing to change.
  await ask(page, 'slow');
  await expect(answers.nth(1)).toContainText('on and');
  await expect(edit).toHaveCount(0);
  // Another chat ends it, and it is kept as far as it came.
  await page.getByRole('button', { name: 'New chat' }).click();
  await expect(answers).toHaveCount(0);
  await titles(page).first().click();
  await expect(answers.nth(1)).toContainText('on and');
  await expect(page.getByText('Stopped', { exact: true })).toBeVisible();
});

test('a chat of 5,000 messages opens at its end, draws what is in sight, and streams on', async ({ page }) => {
  const turns = Array.from({ length: 2500 }, (_, index) => ({
    question: `Question ${index + 1}`,
    answer: `Answer **${index + 1}**, ${'which takes a line or two of the page to be read, '.repeat(1 + (index % 4))}`,
  }));
  const file = JSON.stringify({ format: 'bamba-web chats', version: 1, chats: [{ title: 'Long', turns }] });
  await scriptEngine(page, {
    answers: { '*': { pieces: words('one word after the other '.repeat(20).trim()), delayMs: 4 } },
  });
  await page.goto('/');
  const buffer = Buffer.from(file);
  await page.locator('input.files').setInputFiles({ name: 'long.json', mimeType: 'application/json', buffer });
  await titles(page).first().click();
  const { answers, scroller, turns: drawn, jump } = chat(page);
  await expect(page.getByText('Answer 2500,')).toBeInViewport();
  expect(await drawn.count()).toBeLessThan(100);
  // No frame of streaming waits for the thousands before: the longest task says so, with room for a slow machine.
  await page.evaluate(() => {
    const tasks: number[] = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: 'longtask',
    });
    Object.assign(window, { tasks });
  });
  await ask(page, 'And on?');
  await expect(page.getByText(/^100 tokens/)).toBeVisible();
  await expect(answers.last()).toContainText('one word after the other');
  const longest = await page.evaluate(() => Math.max(0, ...(window as unknown as { tasks: number[] }).tasks));
  expect(longest).toBeLessThan(1000);
  // Upwards, the earlier ones come as they are reached, and what is read stays where it is.
  await scroller.evaluate((box) => {
    box.scrollTop = 0;
  });
  await expect(jump).toBeVisible();
  await expect.poll(() => drawn.count()).toBeGreaterThan(50);
  expect(await scroller.evaluate((box) => box.scrollTop)).toBeGreaterThan(500);
  await jump.click();
  await expect(answers.last()).toBeInViewport();
  // The whole of it was asked.
  expect((await requests(page))[0]?.messages).toHaveLength(5001);
});

test('two tabs show the same chats', async ({ context, page }) => {
  const other = await context.newPage();
  for (const tab of [page, other]) {
    await scriptEngine(tab, { answers: ANSWERS });
    await tab.goto('/');
  }
  await ask(page, 'About apples');
  await expect(titles(other)).toHaveText(['About apples']);
  await titles(other).click();
  await expect(chat(other).answers).toHaveText('They are fruit.');
  await ask(page, 'More?');
  await expect(chat(other).answers).toHaveText(['They are fruit.', 'Yes.']);
  await more(other, 'About apples', 'Delete');
  await expect(titles(page)).toHaveCount(0);
  await expect(chat(page).answers).toHaveCount(0);
});
