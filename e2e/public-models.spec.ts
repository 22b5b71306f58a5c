// A trained model that `npm run get:public` brings, on the page as it ships: chosen as a GGUF file, asked five times with
// the template that the file brings, and held to what llama.cpp answers with the same weights in f32.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALL } from '../src/testing/extent.ts';
import { answer } from './lexicon-page.ts';
import { serveQuickPackage } from './quick-package.ts';
import { ask, expect, test } from './ui-test.ts';

const ROOT = join(import.meta.dirname, '..');
const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';
const PATH = join(ROOT, 'trained', FILE);
const { smollm2 } = JSON.parse(readFileSync(join(ROOT, 'src/testing/fixtures/public-results.json'), 'utf8')) as {
  smollm2: { chat: { question: string; answer: string }[] };
};
/** Tokens of an answer; the longer ones end there. */
const MOST = 20;
/** A processor that plays a GPU reads some two tokens a second. */
const PATIENCE = { timeout: 600_000 };

test('SmolLM2 chats five turns with its own template', async ({ page }, info) => {
  test.skip(!existsSync(PATH), `There is no trained/${FILE}. npm run get:public brings it.`);
  test.skip(!ALL, 'It takes some ten minutes: npm run test:all.');
  test.setTimeout(3_600_000);
  // The page's own model comes first, and is not asked.
  await serveQuickPackage(page, '**/models/lexicon/**');
  await page.addInitScript((maxTokens) => {
    document.addEventListener('DOMContentLoaded', () => {
      Object.assign(document.querySelector('bamba-chat')!, { maxTokens, temperature: 0 });
    });
  }, MOST);
  await page.goto('/');
  await page.getByRole('button', { name: 'Models' }).click(PATIENCE);
  await page.getByRole('combobox', { name: 'Type to store it in' }).selectOption('f32');
  await page.locator('input.gguf').setInputFiles(PATH);
  const name = FILE.replace(/\.gguf$/, '');
  await expect(page.getByRole('heading', { level: 2, name })).toBeVisible(PATIENCE);
  for (const [turn, { question, answer: expected }] of smollm2.chat.entries()) {
    await ask(page, question);
    expect.soft(await answer(page, turn, PATIENCE), question).toBe(expected);
  }
  await page.screenshot({ path: info.outputPath('smollm2.png') });
});
