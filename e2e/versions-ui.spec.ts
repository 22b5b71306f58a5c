// Versions of a turn: answered anew, asked in another way, gone back to.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { coloursOn } from './looks.ts';
import { requests, scriptEngine } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const SCRIPT = {
  answers: {
    'About apples': [{ pieces: ['They are fruit.'] }, { pieces: ['They are red.'] }, { pieces: ['They are sweet.'] }],
    'About rivers': { pieces: ['They flow.'] },
    fails: { pieces: [], fault: { code: 'network', message: 'The line is down; try again.' } },
    '*': { pieces: ['Yes.'] },
  },
};

const buttons = (page: Page) => ({
  again: page.getByRole('button', { name: 'Answer again' }),
  earlier: page.getByRole('button', { name: 'Earlier version' }),
  later: page.getByRole('button', { name: 'Later version' }),
});

for (const [device, viewport] of [
  ['a desktop', { width: 1280, height: 720 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  for (const colorScheme of coloursOn(device)) {
    test.describe(`on ${device}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme, contextOptions: { reducedMotion: 'reduce' } });

      test('answers stay as versions, and the keyboard moves between them', async ({ page }) => {
        await scriptEngine(page, SCRIPT);
        await page.goto('/');
        const { answers, announced } = chat(page);
        const { again, earlier, later } = buttons(page);
        await ask(page, 'About apples');
        await expect(answers).toHaveText('They are fruit.');
        await expect(earlier).toHaveCount(0);
        for (const answer of ['They are red.', 'They are sweet.']) {
          await again.click();
          await expect(answers).toHaveText(answer);
        }
        await expect(page.getByText('3/3')).toBeVisible();
        await expect(page.getByRole('group', { name: 'Version 3 of 3' })).toBeVisible();
        await expect(later).toBeDisabled();
        await earlier.focus();
        await page.keyboard.press('Enter');
        await expect(answers).toHaveText('They are red.');
        await expect(announced).toHaveText('Version 2 of 3.');
        await expect(earlier).toBeFocused();
        expect(await violations(page)).toEqual([]);
        await page.keyboard.press('Enter');
        await expect(answers).toHaveText('They are fruit.');
        // At the end the other way is left.
        await expect(earlier).toBeDisabled();
        await expect(later).toBeFocused();
        await page.keyboard.press('Space');
        await expect(announced).toHaveText('Version 2 of 3.');
        await expect(later).toBeFocused();
        // The next question follows the shown turns.
        await ask(page, 'More?');
        await expect(answers).toHaveText(['They are red.', 'Yes.']);
        expect((await requests(page)).at(-1)?.messages?.map(({ content }) => content)).toEqual([
          'About apples',
          'They are red.',
          'More?',
        ]);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(width).toBeLessThanOrEqual(viewport.width);
      });
    });
  }
}

test('a changed question keeps what followed the one before, over a reload, in a file and after a failure', async ({
  page,
}) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const { answers, questions, alert, input } = chat(page);
  const { earlier, later } = buttons(page);
  const change = async (to: string): Promise<void> => {
    await questions.first().hover();
    await page.getByRole('button', { name: 'Change this question' }).first().click();
    await page.getByRole('textbox', { name: 'Change your question' }).fill(to);
    await page.keyboard.press('Enter');
  };
  await ask(page, 'About apples');
  await ask(page, 'More?');
  await expect(answers).toHaveText(['They are fruit.', 'Yes.']);
  await change('About rivers');
  await expect(answers).toHaveText(['They flow.']);
  await change('fails');
  await expect(alert).toContainText('The line is down');
  await expect(answers).toHaveText(['They flow.']);
  await expect(input).toHaveValue('fails');
  await earlier.click();
  await expect(answers).toHaveText(['They are fruit.', 'Yes.']);
  await input.fill('');
  // Saving follows at once; the file has waited for it.
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export all' }).click();
  const json = readFileSync(await (await waiting).path(), 'utf8');
  expect(JSON.parse(json)).toMatchObject({ version: 2, chats: [{ turns: [{}, { after: 1 }, { instead: 1 }] }] });
  await page.reload();
  await expect(answers).toHaveText(['They are fruit.', 'Yes.']);
  await later.click();
  await expect(answers).toHaveText(['They flow.']);
  // Search finds what is not shown, and a chat that was deleted comes back with all of it.
  await page.getByRole('searchbox').fill('fruit');
  await expect(page.locator('.chat-title')).toHaveText(['About apples']);
  await page.getByRole('button', { name: 'More for “About apples”' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No chat has these words.')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('.chat-title').click();
  await expect(answers).toHaveText(['They flow.']);
  await expect(page.getByText('2/2')).toBeVisible();
  await page.getByRole('searchbox').fill('');
  // Of the same chat nothing is added; under another name it comes with its versions.
  const file = (text: string) => ({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  await page.locator('input.files').setInputFiles(file(json));
  await expect(chat(page).announced).toHaveText('All of these chats are here already.');
  const renamed = json.replace(/"id": "\w+"/, '"id": "copy"').replace('"title": "About apples"', '"title": "Copy"');
  await page.locator('input.files').setInputFiles(file(renamed));
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await expect(answers).toHaveText(['They are fruit.', 'Yes.']);
  await later.click();
  await expect(answers).toHaveText(['They flow.']);
});

test('two tabs keep each other’s versions, and each shows its own', async ({ context, page }) => {
  const other = await context.newPage();
  for (const tab of [page, other]) {
    await scriptEngine(tab, SCRIPT);
    await tab.goto('/');
  }
  await ask(page, 'About apples');
  await other.locator('.chat-title').click();
  await expect(chat(other).answers).toHaveText('They are fruit.');
  await buttons(page).again.click();
  await expect(chat(page).answers).toHaveText('They are red.');
  await expect(other.getByText('1/2')).toBeVisible();
  await expect(chat(other).answers).toHaveText('They are fruit.');
  await ask(other, 'More?');
  await expect(chat(other).answers).toHaveText(['They are fruit.', 'Yes.']);
  await expect(chat(page).answers).toHaveText('They are red.');
  await buttons(page).earlier.click();
  await expect(chat(page).answers).toHaveText(['They are fruit.', 'Yes.']);
});
