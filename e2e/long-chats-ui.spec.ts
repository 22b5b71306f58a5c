// Long chats and long questions fold; what is folded is still searched, saved and asked with.

import { readFileSync } from 'node:fs';
import { violations } from './axe.ts';
import { coloursOn } from './looks.ts';
import { requests, scriptEngine } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const TURNS = 70;
const FILE = JSON.stringify({
  format: 'bamba-web chats',
  version: 1,
  chats: [
    {
      title: 'Long',
      turns: Array.from({ length: TURNS }, (_, index) => ({
        question: `Question ${index + 1}`,
        answer: `Answer ${index + 1}, of a line.`,
      })),
    },
  ],
});
const PASTED = Array.from({ length: 60 }, (_, index) => `Line ${index + 1} of what was pasted.`).join('\n');

for (const [device, viewport] of [
  ['a desktop', { width: 1280, height: 720 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  for (const colorScheme of coloursOn(device)) {
    test.describe(`on ${device}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme, contextOptions: { reducedMotion: 'reduce' } });

      test('the oldest messages are folded until they are asked for', async ({ page }) => {
        await scriptEngine(page, { answers: { '*': { pieces: ['Yes.'] } } });
        await page.goto('/');
        const drawer = viewport.width < 860;
        const showList = page.getByRole('button', { name: 'Chats', exact: true });
        if (drawer) await showList.click();
        const buffer = Buffer.from(FILE);
        await page.locator('input.files').setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer });
        await page.locator('.chat-title').click();
        const { answers, turns } = chat(page);
        await expect(answers.last()).toHaveText('Answer 70, of a line.');
        await expect(turns).toHaveCount(30);
        const earlier = page.getByRole('button', { name: 'Show 80 earlier messages' });
        await expect(earlier).toHaveCount(1);
        expect(await violations(page)).toEqual([]);
        // Search and files have all of it.
        if (drawer) await showList.click();
        await page.getByRole('searchbox').fill('Answer 3, of');
        await expect(page.locator('.chat-title')).toHaveText(['Long']);
        const waiting = page.waitForEvent('download');
        await page.getByRole('button', { name: 'Export all' }).click();
        expect(readFileSync(await (await waiting).path(), 'utf8')).toContain('Answer 3, of a line.');
        await page.getByRole('searchbox').press('Escape');
        if (drawer) await expect(page.getByRole('dialog')).toHaveCount(0);
        await earlier.press('Enter');
        await expect(page.getByText('Question 40', { exact: true })).toHaveCount(1);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
        await ask(page, 'And on?');
        await expect(answers.last()).toHaveText('Yes.');
        expect((await requests(page)).at(-1)?.messages).toHaveLength(2 * TURNS + 1);
      });

      test('what was pasted is folded, and unfolded by the keyboard', async ({ page }) => {
        await scriptEngine(page, { answers: { '*': { pieces: ['Yes.'] } } });
        await page.goto('/');
        const { answers, questions } = chat(page);
        await ask(page, PASTED);
        await expect(answers).toHaveText('Yes.');
        expect((await requests(page))[0]?.messages?.[0]?.content).toBe(PASTED);
        await expect(questions).toContainText('Line 8 of');
        await expect(questions).not.toContainText('Line 9 of');
        const more = page.getByRole('button', { name: /^Show more: / });
        expect(await violations(page)).toEqual([]);
        await more.press('Enter');
        await expect(questions).toContainText('Line 60 of');
        const less = page.getByRole('button', { name: 'Show less' });
        await expect(less).toBeFocused();
        await page.keyboard.press('Enter');
        await expect(questions).not.toContainText('Line 9 of');
        await expect(more).toBeFocused();
        // It is changed as a whole.
        await page.getByRole('button', { name: 'Change this question' }).press('Enter');
        await expect(page.getByRole('textbox', { name: 'Change your question' })).toHaveValue(PASTED);
      });
    });
  }
}
