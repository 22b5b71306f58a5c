// Files of text that go with a question: chosen, dropped or pasted, shown folded, kept and exported.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { requests, scriptEngine, type EngineScript } from './scripted-engine.ts';
import { chat, expect, test } from './ui-test.ts';

const SCRIPT: EngineScript = {
  answers: {
    fails: { pieces: [], fault: { code: 'network', message: 'The line is down.' } },
    '*': { pieces: ['Read.'] },
  },
};
const NOTES = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('First line.\r\nSecond ``` line.\r\n') };
const CODE = { name: 'code.py', mimeType: 'text/x-python', buffer: Buffer.from('print(1)\n') };
const IN_MESSAGE = 'Attached file: notes.txt\n````\nFirst line.\nSecond ``` line.\n\n````';

async function open(page: Page): Promise<void> {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
}

const input = (page: Page) => page.locator('.composer input[type=file]');
const chips = (page: Page) => page.getByRole('list', { name: 'Attached files' }).getByRole('listitem');

/** Lets go of files over the input, or pastes them into it. */
async function hand(
  page: Page,
  how: 'drop' | 'paste',
  files: { name: string; text: string }[],
  over = chat(page).input,
): Promise<void> {
  await over.evaluate(
    (area, { how: kind, files: given }) => {
      const data = new DataTransfer();
      for (const { name, text } of given) data.items.add(new File([text], name, { type: 'text/plain' }));
      const init = { bubbles: true, cancelable: true, composed: true };
      if (kind === 'paste') area.dispatchEvent(new ClipboardEvent('paste', { ...init, clipboardData: data }));
      else {
        area.dispatchEvent(new DragEvent('dragenter', { ...init, dataTransfer: data }));
        area.dispatchEvent(new DragEvent('drop', { ...init, dataTransfer: data }));
      }
    },
    { how, files },
  );
}

for (const [colorScheme, viewport] of [
  ['light', { width: 1280, height: 800 }],
  ['dark', { width: 390, height: 844 }],
] as const) {
  test(`files go with a question, folded, and are kept and exported: ${colorScheme}, ${viewport.width} px`, async ({
    page,
  }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await open(page);
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Attach text files' }).click(),
    ]);
    expect(chooser.isMultiple()).toBe(true);
    await chooser.setFiles([NOTES, CODE]);
    await expect(chips(page)).toHaveText([/notes\.txt\s+29 B/, /code\.py\s+9 B/]);
    await expect(chat(page).announced).toHaveText('2 files are attached.');
    await page.getByRole('button', { name: 'Remove code.py' }).click();
    await expect(chips(page)).toHaveCount(1);
    await expect(chat(page).input).toBeFocused();
    expect(await violations(page)).toEqual([]);
    await chat(page).input.fill('What do the notes say?');
    await chat(page).input.press('Enter');
    await expect(chat(page).answers).toHaveText('Read.');
    await expect(chips(page)).toHaveCount(0);
    const [{ messages = [] } = {}] = await requests(page);
    expect(messages.at(-1)?.content).toBe(`What do the notes say?\n\n${IN_MESSAGE}`);
    // Folded, until someone opens it.
    await expect(chat(page).questions).toHaveText('What do the notes say?');
    const file = page.locator('.attachment');
    await expect(file).toHaveText(/notes\.txt\s+29 B/);
    await expect(file.locator('.attachment-text')).toBeHidden();
    await file.locator('summary').focus();
    await page.keyboard.press('Enter');
    await expect(file.locator('.attachment-text')).toContainText('Second ``` line.');
    expect(await violations(page)).toEqual([]);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(viewport.width);
    // It is there after the page was loaded again.
    await page.reload();
    await expect(page.locator('.attachment')).toHaveText(/notes\.txt\s+29 B/);
    await expect(chat(page).questions).toHaveText('What do the notes say?');
  });
}

test('a chat is exported with its files', async ({ page }) => {
  await open(page);
  await input(page).setInputFiles([NOTES]);
  await expect(chips(page)).toHaveCount(1);
  // A file is a question of its own.
  await chat(page).send.click();
  await expect(chat(page).answers).toHaveText('Read.');
  await page.getByRole('button', { name: /^More for/ }).click();
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: /Markdown/ }).click(),
  ]);
  expect(readFileSync(await saved.path(), 'utf8')).toContain(IN_MESSAGE);
});

test('files are dropped and pasted, and text that is pasted stays text', async ({ page }) => {
  await open(page);
  await hand(page, 'drop', [{ name: 'dropped.md', text: '# D' }]);
  await expect(chips(page)).toHaveText([/dropped\.md/]);
  // Beside the input, too: else the browser would open the file in the place of the chat.
  await hand(page, 'drop', [{ name: 'beside.txt', text: 'B' }], chat(page).scroller);
  await expect(chips(page)).toHaveText([/dropped\.md/, /beside\.txt/]);
  await hand(page, 'paste', [{ name: 'pasted.csv', text: 'a,b' }]);
  await expect(chips(page)).toHaveText([/dropped\.md/, /beside\.txt/, /pasted\.csv/]);
  await expect(page.locator('.composer-box.dropping')).toHaveCount(0);
});

test('what cannot be attached is refused in place, with a sentence, and the rest is attached', async ({ page }) => {
  await open(page);
  await expect(page.getByRole('button', { name: 'Attach text files' })).toHaveAttribute(
    'title',
    'Attach text files. Up to 5 text files, each of at most 100 kB, together of at most 200 kB.',
  );
  await chat(page).input.fill('typed');
  const picture = { name: 'picture.png', mimeType: 'image/png', buffer: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1]) };
  const large = { name: 'large.txt', mimeType: 'text/plain', buffer: Buffer.alloc(150_000, 'x') };
  await input(page).setInputFiles([picture, large, NOTES]);
  await expect(chat(page).alert).toContainText('“picture.png” was not attached: it is not a text file.');
  await expect(chat(page).alert).toContainText('“large.txt” was not attached: it has 150 kB');
  await expect(chips(page)).toHaveText([/notes\.txt/]);
  const many = Array.from({ length: 5 }, (_, i) => ({ ...CODE, name: `${i}.py` }));
  await input(page).setInputFiles(many);
  await expect(chips(page)).toHaveCount(5);
  await expect(chat(page).alert).toHaveText(
    '“4.py” was not attached: there are 5 files already, and there can be no more.',
  );
  expect(await violations(page)).toEqual([]);
  await expect(page.locator('.limits')).toHaveText(
    'Up to 5 text files, each of at most 100 kB, together of at most 200 kB.',
  );
  await expect(chat(page).input).toHaveValue('typed');
});

test('files come back with a question that failed, and stay with what was not sent', async ({ page }) => {
  await open(page);
  await input(page).setInputFiles([NOTES]);
  await expect(chips(page)).toHaveCount(1);
  await chat(page).input.fill('draft');
  await page.reload();
  await expect(chips(page)).toHaveText([/notes\.txt/]);
  await expect(chat(page).input).toHaveValue('draft');
});
