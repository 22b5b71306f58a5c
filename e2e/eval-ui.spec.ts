// The page of evaluations: it asks a quick model questions, stops, goes on, and says what is wrong with what it is given.

import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import type { EvaluationResult } from '../src/evaluate/report.ts';
import { violations } from './axe.ts';
import { coloursOn } from './looks.ts';
import { serveQuickPackage } from './quick-package.ts';
import { expect, test } from './ui-test.ts';

const DEVICES = [
  { device: 'a desktop', viewport: { width: 1280, height: 900 } },
  { device: 'a phone', viewport: { width: 390, height: 844 } },
] as const;
const KINDS = {
  task: 'kinds',
  output_type: 'multiple_choice',
  doc_to_text: 'text',
  doc_to_choice: 'choices',
  doc_to_target: 0,
};
const DOCS = ['An apple is a', 'Iron is a', 'Monday is a'].map((text) => ({
  text,
  choices: ['fruit', 'metal', 'day'],
}));

const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
const taskFile = (name: string, ...lines: object[]) => file(name, lines.map((line) => JSON.stringify(line)).join('\n'));

/** Opens the page with no task chosen. */
async function open(page: Page): Promise<void> {
  await page.goto('/eval.html');
  for (const name of ['dictionary', 'arithmetic', 'retrieval']) await page.getByLabel(name).uncheck();
}

const files = (page: Page) => page.getByLabel('Tasks (.jsonl), texts (.txt), tokens (.json)');
const evaluateButton = (page: Page) => page.getByRole('button', { name: 'Evaluate' });

for (const { device, viewport } of DEVICES) {
  test(`on ${device} evaluates a reader's files, and all is to be read`, async ({ page }) => {
    await page.setViewportSize(viewport);
    await serveQuickPackage(page, '**/models/lexicon/*');
    await open(page);
    await files(page).setInputFiles([
      taskFile('kinds.jsonl', KINDS, ...DOCS),
      file('my.txt', 'A short text. '.repeat(8)),
    ]);
    await page.getByLabel('phone book', { exact: true }).check();
    await page.getByLabel('Phone books, tokens').fill('128, 256');
    await page.getByLabel('Questions or windows of each').fill('10');
    await evaluateButton(page).press('Enter');
    const status = page.getByRole('status');
    await expect(status).toHaveText('Done.');
    await expect(page.getByRole('heading', { name: 'quick in f32' })).toBeVisible();
    await expect(page.getByRole('table').first()).toContainText('acc_norm');
    const chart = page.getByRole('figure', { name: 'Numbers that are found in a phone book' });
    await expect(chart.getByRole('img')).toHaveAccessibleDescription(/\d+ % of numbers at 128 tokens/);
    await chart.getByText('The figures as a table').click();
    await expect(chart.getByRole('columnheader')).toHaveText([
      'tokens',
      'at any place',
      'at the begin',
      'in the middle',
      'at the end',
    ]);
    const saved = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Save as JSON' }).click();
    const result = JSON.parse(await readFile(await (await saved).path(), 'utf8')) as EvaluationResult;
    expect(Object.keys(result.results)).toEqual(['kinds', 'my.txt', 'phone-book']);
    expect(result.works[0]!.outcomes).toHaveLength(DOCS.length);
    expect(result.results['my.txt']!['perplexity']).toBeGreaterThan(1);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide).toBeLessThanOrEqual(0);
    for (const colorScheme of coloursOn(device)) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
    }
  });
}

/** Remembers what the status says of a task, from the first word on. */
async function watchStatus(page: Page): Promise<() => Promise<string>> {
  const said = await page.evaluateHandle(() => {
    const texts: string[] = [];
    const status = document.querySelector('#status')!;
    const note = () => texts.push(status.textContent);
    new MutationObserver(note).observe(status, { childList: true, subtree: true, characterData: true });
    return texts;
  });
  return () => said.evaluate((texts) => texts.find((text) => text.startsWith('many:')) ?? '');
}

test('goes on after a reload where it was stopped, and forgets when it is told to', async ({ page }) => {
  await serveQuickPackage(page, '**/models/lexicon/*');
  const many = Array.from({ length: 400 }, (_, index) => ({ ...DOCS[0], text: `${index} is a` }));
  const status = page.getByRole('status');
  const stop = page.getByRole('button', { name: 'Stop' });
  /** Evaluates until there is something to keep; what is said first of the task. */
  const evaluateSome = async () => {
    const first = await watchStatus(page);
    await evaluateButton(page).click();
    await expect(status).toContainText(/^many: [1-9]\d* of 400; about .* left/);
    await stop.click();
    await expect(status).toContainText('Stopped. What was computed is kept');
    return first();
  };
  const choose = async () => {
    await open(page);
    await files(page).setInputFiles(taskFile('many.jsonl', { ...KINDS, task: 'many' }, ...many));
  };
  await choose();
  expect(await evaluateSome()).toBe('many: 0 of 400');
  await choose();
  expect(await evaluateSome()).toMatch(/^many: [1-9]\d* of 400$/);
  await page.getByRole('button', { name: 'Forget what is kept' }).click();
  await expect(status).toContainText('Forgotten');
  expect(await evaluateSome()).toBe('many: 0 of 400');
});

test('says what is wrong with what it is given', async ({ page }) => {
  await open(page);
  const status = page.getByRole('status');
  await evaluateButton(page).click();
  await expect(status).toContainText('There is nothing to evaluate');
  await files(page).setInputFiles(taskFile('two.jsonl', KINDS, { id: 1, ...DOCS[0] }, { id: 1, ...DOCS[1] }));
  await expect(status).toContainText('two.jsonl, line 3: the id 1 is that of two.jsonl, line 2, too');
  await files(page).setInputFiles(file('tokens.json', '{'));
  await expect(status).toContainText('tokens.json is not JSON');
  await files(page).setInputFiles(file('empty.txt', ''));
  await serveQuickPackage(page, '**/models/lexicon/*');
  await evaluateButton(page).click();
  await expect(status).toContainText('empty.txt has 0 tokens');
  await page.getByRole('button', { name: 'Remove empty.txt' }).click();
  await expect(page.getByRole('listitem')).toHaveCount(0);
  await files(page).setInputFiles(
    taskFile('long.jsonl', { ...KINDS, task: 'long' }, { ...DOCS[0], text: 'a'.repeat(40_000) }),
  );
  await evaluateButton(page).click();
  await expect(status).toContainText('Load it with more, show fewer examples, or leave this out');
  await page.getByLabel('Questions or windows of each').fill('-1');
  await evaluateButton(page).click();
  await expect(status).toContainText('takes a whole number from 1 on, not -1');
});
