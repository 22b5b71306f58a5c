// The page of the cost model: it tells what a model costs, compares two, and says what is wrong with what it is given.

import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { coloursOn } from './looks.ts';
import { expect, test } from './ui-test.ts';

const DEVICES = [
  { device: 'a desktop', viewport: { width: 1280, height: 900 } },
  { device: 'a phone', viewport: { width: 390, height: 844 } },
] as const;

/** The sum of layout shifts so far. */
const shifts = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) sum += (entry as PerformanceEntry & { value: number }).value;
        }).observe({ type: 'layout-shift', buffered: true });
        // Entries of before are delivered by then.
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
      }),
  );

for (const { device, viewport } of DEVICES) {
  test(`on ${device} all is to be read, by eye, keyboard and ear, and nothing moves`, async ({ page }) => {
    await page.setViewportSize(viewport);
    await page.goto('/plan.html');
    await expect(page.getByRole('heading', { name: 'Bamba-9B: 4,096 tokens' })).toBeVisible();
    await expect(page.getByRole('img', { name: /operations of Llama-3\.1-8B/ })).toBeVisible();
    expect(await shifts(page)).toBeLessThan(0.01);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide).toBeLessThanOrEqual(0);
    const charts = page.getByRole('figure');
    await expect(charts).toHaveCount(4);
    const compute = charts.filter({ hasText: 'Reading a prompt: operations' });
    await compute.getByText('The figures as a table').focus();
    await page.keyboard.press('Enter');
    const table = compute.getByRole('table');
    await expect(table.getByRole('row')).toHaveCount(12);
    await page.keyboard.press('Tab');
    await expect(compute.getByRole('group', { name: /^Reading a prompt/ })).toBeFocused();
    await page.getByText('All figures, beside the approximation').click();
    await expect(page.getByRole('table', { name: 'GPU memory' })).toContainText('9.79 GB');
    for (const colorScheme of coloursOn(device)) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
    }
  });
}

test('tells what is chosen, keeps it in the address, and shows it again', async ({ page }) => {
  await page.goto('/plan.html');
  await page.getByRole('combobox', { name: 'Model', exact: true }).selectOption('llama-3.1-8b');
  await page.getByLabel('Context, tokens').fill('65536');
  await page.getByLabel('Batch, sequences').fill('8');
  await expect(page.getByRole('heading', { name: 'Llama-3.1-8B: 65,536 tokens, 8 sequences' })).toBeVisible();
  await expect(page.getByText(/% reading keys and values; of all sequences together/)).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Llama-3.1-8B: 65,536 tokens, 8 sequences' })).toBeVisible();
  // Figures that were measured stand only beside predictions for the same types.
  const answers = page.getByRole('figure').filter({ hasText: 'Answering' });
  await expect(answers.getByText('Bamba-9B, measured')).toBeVisible();
  await page.getByLabel('Weights').selectOption('fp8');
  await expect(answers.getByText('Bamba-9B, measured')).toHaveCount(0);
});

test('says what is wrong with a field, an address and a file', async ({ page }) => {
  const status = page.getByRole('status');
  await page.goto('/plan.html?model=gpt-5');
  await expect(status).toContainText('cannot take model gpt-5');
  await page.goto('/plan.html?context=0');
  await expect(status).toContainText('cannot take context 0. Possible: a whole number from 1');
  const batch = page.getByLabel('Batch, sequences');
  await page.getByLabel('Context, tokens').fill('100');
  await expect(status).toHaveText('');
  await batch.fill('NaN');
  await expect(status).toContainText('cannot take batch NaN');
  await batch.fill('');
  await expect(status).toContainText('cannot take batch');
  await batch.fill('1');
  const file = page.getByLabel(/config\.json/);
  await file.setInputFiles({
    name: 'config.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"model_type":"gpt"}'),
  });
  await expect(status).toContainText('config.json is of model type "gpt"; supported: bamba');
  const config = {
    model_type: 'llama',
    vocab_size: 1000,
    hidden_size: 256,
    intermediate_size: 512,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
  };
  await file.setInputFiles({
    name: 'my.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(config)),
  });
  await expect(page.getByRole('heading', { name: 'my.json: 100 tokens' })).toBeVisible();
});

test('measures the rates of this GPU', async ({ page }) => {
  await page.goto('/plan.html?model=lexicon&quick=1');
  const read = page.getByLabel('Reading, GB/s');
  await expect(read).toHaveValue('3000');
  await page.getByRole('button', { name: 'Measure this GPU' }).click();
  await expect(page.getByRole('status')).toContainText('These are the rates of');
  await expect(read).not.toHaveValue('3000');
});
