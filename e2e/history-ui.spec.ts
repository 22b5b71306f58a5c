// The list of chats: kept, searched, renamed, deleted and brought back, taken out and in; questions asked anew.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { requests, scriptEngine, words } from './scripted-engine.ts';
import { ask, chat, ended, expect, test } from './ui-test.ts';

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
  // An unsent draft stays with its chat, also over a reload.
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
  // The answer is told once it has ended, and whatever is told later takes its place.
  await expect(announced).toHaveText('Yes.');
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

test('an earlier question is changed and asked again, and what followed is out of sight', async ({ page }) => {
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
  await expect(page.getByText('What follows stays with this version.')).toBeVisible();
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
  await ended(page);
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

test('two tabs in one chat keep both answers, each its own draft, and nothing comes back', async ({
  context,
  page,
}) => {
  const other = await context.newPage();
  const hold = { pieces: ['Half', ' and whole.'], delayMs: 1500 };
  for (const tab of [page, other]) {
    await scriptEngine(tab, { answers: { ...ANSWERS, Here: hold, There: hold } });
    await tab.goto('/');
  }
  await ask(page, 'About apples');
  await titles(other).click();
  await expect(chat(other).answers).toHaveText('They are fruit.');
  // Both write at the same time.
  await ask(page, 'Here');
  await ask(other, 'There');
  const both = [/fruit/, /^Half and whole/, /^Half and whole/];
  for (const tab of [page, other]) {
    await expect(chat(tab).answers).toHaveText(both);
    await expect(chat(tab).questions).toHaveText(['About apples', 'Here', 'There']);
  }
  // The draft stays, whatever another tab asks.
  await chat(page).input.fill('typed here');
  await ask(other, 'More?');
  await expect(chat(page).answers).toHaveCount(4);
  await expect(chat(page).input).toHaveValue('typed here');
  // A chat that is deleted while this tab writes to it stays deleted; this tab says so, and keeps its text if told to.
  await ask(page, 'Here');
  await expect(chat(page).answers.last()).toContainText('Half');
  await more(other, 'About apples', 'Delete');
  await expect(chat(page).alert).toContainText('was deleted in another tab');
  await expect(chat(page).answers.last()).toContainText('whole');
  await expect(titles(other)).toHaveCount(0);
  await page.getByRole('button', { name: 'Keep it as a new chat' }).click();
  await expect(titles(other)).toHaveText(['About apples']);
  await expect(chat(page).alert).toHaveCount(0);
});

test('what cannot be saved is said, and saved once that is possible', async ({ page }) => {
  await scriptEngine(page, { answers: ANSWERS });
  await page.goto('/');
  await expect(page.getByText('Your chats will be kept here')).toBeVisible();
  await page.evaluate(() => {
    const before = Object.getOwnPropertyDescriptor(IDBObjectStore.prototype, 'put')!;
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('No room.', 'QuotaExceededError');
    };
    Object.assign(window, { mend: () => Object.defineProperty(IDBObjectStore.prototype, 'put', before) });
  });
  await ask(page, 'About apples');
  await expect(chat(page).alert).toContainText('Not saved. The browser has no room left for chats.');
  await expect(chat(page).answers).toHaveText('They are fruit.');
  await page.evaluate(() => (window as unknown as { mend: () => void }).mend());
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(chat(page).alert).toHaveCount(0);
  await page.reload();
  await expect(chat(page).answers).toHaveText('They are fruit.');
});

test('records that cannot be read are counted, kept and saved as a file; the others are shown', async ({ page }) => {
  await scriptEngine(page, { answers: ANSWERS });
  await page.goto('/');
  await ask(page, 'About apples');
  await ask(page, 'About rivers');
  await expect(chat(page).answers).toHaveCount(2);
  await page.evaluate(
    () =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.open('bamba-chat');
        request.onsuccess = () => {
          const transaction = request.result.transaction(['chats', 'turns'], 'readwrite');
          const turns = transaction.objectStore('turns');
          transaction.objectStore('chats').put({ id: 7, title: null });
          transaction.objectStore('chats').put({ id: 'mended', title: {}, updatedAt: 'late' });
          turns.getAllKeys().onsuccess = (event) => {
            const [key] = (event.target as IDBRequest<[string, string][]>).result;
            turns.put(null, [key![0], 'zz']);
            turns.put({ question: 7, answer: [] }, [key![0], 0]);
          };
          transaction.addEventListener('complete', () => (request.result.close(), resolve()));
          transaction.addEventListener('error', () => reject(transaction.error!));
        };
      }),
  );
  await page.reload();
  await expect(chat(page).answers).toHaveText(['They are fruit.', 'They flow.']);
  await expect(titles(page)).toHaveText(['About apples', 'Chat']);
  await expect(page.getByText('3 records could not be read. They are kept as they are.')).toBeVisible();
  await page.getByRole('searchbox').fill('flow');
  await expect(titles(page)).toHaveText(['About apples']);
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as a file' }).click();
  const saved = await waiting;
  const { records } = JSON.parse(readFileSync(await saved.path(), 'utf8')) as { records: unknown[] };
  expect(records).toHaveLength(3);
});

test('without WebGPU kept chats are listed, read, searched and saved, and nothing can be asked', async ({
  page,
  context,
}) => {
  const before = await context.newPage();
  await scriptEngine(before, { answers: ANSWERS });
  await before.goto('/');
  await ask(before, 'About apples');
  // Once it has ended, an answer is stored; the next visit shows whether it was.
  await expect(chat(before).turns.locator('.foot')).toBeVisible();
  await before.reload();
  await expect(chat(before).answers).toHaveText('They are fruit.');
  await before.close();
  const fault = { code: 'webgpu_unavailable', message: 'This browser offers no WebGPU.' };
  await scriptEngine(page, { answers: ANSWERS, loadFaults: [fault] });
  await page.goto('/');
  const { answers, input, questions } = chat(page);
  await expect(page.getByRole('heading', { name: 'This page needs WebGPU' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'To try here' })).toBeVisible();
  await page.getByRole('searchbox').fill('fruit');
  await titles(page).click();
  await expect(answers).toHaveText('They are fruit.');
  await expect(questions).toHaveText('About apples');
  await expect(input).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Answer again' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Change this question' })).toHaveCount(0);
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export all' }).click();
  const saved = await waiting;
  expect(readFileSync(await saved.path(), 'utf8')).toContain('They are fruit.');
  await page.getByRole('button', { name: 'What to do' }).click();
  await expect(page.getByRole('heading', { name: 'To try here' })).toBeVisible();
});

test('an answer outlives a page that is left before the browser has opened its database', async ({ page }) => {
  await scriptEngine(page, { answers: ANSWERS });
  await page.addInitScript(() => {
    if (sessionStorage.getItem('quick') !== null) return;
    // It says nothing, and nothing is made.
    IDBFactory.prototype.open = () =>
      Object.create(IDBOpenDBRequest.prototype, { addEventListener: { value: () => undefined } });
  });
  await page.goto('/');
  await ask(page, 'About apples');
  await expect(chat(page).turns.locator('.foot')).toBeVisible();
  await page.evaluate(() => sessionStorage.setItem('quick', ''));
  await page.reload();
  await expect(chat(page).answers).toHaveText('They are fruit.');
  await expect(titles(page)).toHaveText('About apples');
});
