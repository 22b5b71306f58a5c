// The benchmark's page, on a model so small that it takes seconds also where the CPU plays the GPU. The page measures and
// shows everything, in each scheme that was asked for.

import type { BenchResult } from '../src/bench/result.ts';
import { violations } from './axe.ts';
import { expect, test } from './ui-test.ts';

const SCHEMES = ['int8', 'f32'];

test('measures everything of a model in two schemes, and shows it', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto(`/bench.html?shape=tiny&scheme=${SCHEMES.join()}&quick=1&profile=1&batch=1,2&digits=1`);
  const result = (await page.evaluate(() => window['__result'])) as BenchResult;
  expect(result.models.filter((model) => 'error' in model)).toEqual([]);
  const { f16FlopsPerS, clock: _, ...ceilings } = result.ceilings;
  for (const [name, value] of Object.entries(ceilings)) expect(value, name).toBeGreaterThan(0);
  expect(f16FlopsPerS === null).toBe(!result.features.includes('shader-f16'));
  expect(result.models.map(({ name }) => name)).toEqual(SCHEMES.map((scheme) => `tiny ${scheme}`));
  for (const model of result.models) {
    if ('error' in model) throw new Error(model.error);
    expect(model.load?.bytesPerS).toBeGreaterThan(0);
    expect(model.decode.map(({ tokensPerS }) => tokensPerS > 0)).toEqual([true]);
    expect(model.prefill.map(({ tokensPerS }) => tokensPerS > 0)).toEqual([true]);
    expect(model.batch.map(({ sequences, tokensPerS }) => [sequences, tokensPerS > 0])).toEqual([
      [1, true],
      [2, true],
    ]);
    const [decode, prefill, two] = model.profiles;
    expect(decode?.rows.reduce((sum, { count }) => sum + count, 0)).toBe(model.dispatchesPerToken);
    expect(prefill?.rows.length).toBeGreaterThan(0);
    expect(two?.sequences).toBe(2);
    expect(two?.rows.reduce((sum, { count }) => sum + count, 0)).toBe(model.batch.at(1)?.dispatches);
    expect(two?.rows.some(({ kernel }) => kernel.startsWith('matvecs_int8'))).toBe(model.scheme === 'int8');
  }
  await expect(page.getByRole('heading', { name: 'tiny int8' })).toBeVisible();
  await expect(page.getByRole('table', { name: /^Kernels of a decode step/ })).toHaveCount(SCHEMES.length);
  await expect(page.getByRole('table', { name: /^Kernels of a step of 2 sequences/ })).toHaveCount(SCHEMES.length);
  await expect(page.getByRole('table', { name: 'Several sequences at once' })).toHaveCount(SCHEMES.length);
  await expect(page.getByRole('link', { name: 'Save as JSON' })).toBeVisible();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page)).toEqual([]);
  }
});

test('says what is wrong with an address', async ({ page }) => {
  await page.goto('/bench.html?shape=gpt-2');
  await expect(page.getByRole('status')).toContainText('cannot take shape=gpt-2');
});

test('loads a model of its own site at once', async ({ page }) => {
  test.setTimeout(240_000);
  const request = page.waitForRequest('**/models/lexicon/manifest.json', { timeout: 0 });
  await page.goto('/bench.html?model=./models/lexicon/&quick=1&load=0');
  await request;
  await expect(page.getByRole('button', { name: 'Load and measure' })).toHaveCount(0);
});

test('offers a choice, and runs what is chosen', async ({ page }) => {
  test.setTimeout(120_000);
  await page.goto('/bench.html');
  await page.getByLabel('Model').selectOption('tiny');
  await page.getByLabel('Weights').selectOption('f16');
  await page.getByLabel('quick').check();
  await page.getByRole('button', { name: 'Run' }).click();
  await expect(page.getByRole('heading', { name: 'tiny f16' })).toBeVisible();
  await expect(page.getByRole('status')).toHaveText('Done.');
});
