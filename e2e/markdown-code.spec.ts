// Code in answers, in colours: fetched when there is code to colour, and never in the way of the text.

import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { scriptEngine, words } from './scripted-engine.ts';
import { ask, chat, ended, expect, test } from './ui-test.ts';

const FENCE = '```';
const PYTHON = 'def double(x):\n    """Twice as much."""\n    return 2 * x  # < 10 & more\n';
const ANSWER = `Here:\n\n${FENCE}python\n${PYTHON}${FENCE}\n\nAnd a table of kinds:\n\n${FENCE}diff\n- old\n+ new\n${FENCE}\n`;

const isHighlighter = (url: string): boolean => /on-demand-code-[^/]*\.js$/.test(url);

/** Addresses of what only code needs. */
function highlighters(page: Page): string[] {
  const asked: string[] = [];
  page.on('request', (request) => {
    if (isHighlighter(request.url())) asked.push(request.url());
  });
  return asked;
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test('colours code once there is any, and changes none of it', async ({ page }) => {
      const asked = highlighters(page);
      await scriptEngine(page, { answers: { plain: { pieces: ['Just `text`.'] }, '*': { pieces: words(ANSWER) } } });
      await page.goto('/');
      await ask(page, 'plain');
      await ended(page);
      expect(asked).toEqual([]);
      await ask(page, 'code');
      const code = chat(page).answers.last().locator('pre code');
      await expect(code.first().locator('.word-keyword').first()).toHaveText('def');
      await expect(code.first().locator('.word-name')).toHaveText('double');
      await expect(code.first().locator('.word-string')).toHaveText('"""Twice as much."""');
      await expect(code.first().locator('.word-comment')).toHaveText('# < 10 & more');
      await expect(code.last().locator('.word-removed')).toHaveText('- old');
      await expect(code.last().locator('.word-added')).toHaveText('+ new');
      expect(await code.first().evaluate((node) => node.textContent)).toBe(PYTHON);
      expect(asked).toHaveLength(1);
      expect(await violations(page)).toEqual([]);
    });
  });
}

test('copies code in colours as it is', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await scriptEngine(page, { answers: { '*': { pieces: words(ANSWER) } } });
  await page.goto('/');
  await ask(page, 'code');
  await expect(page.locator('.word-keyword').first()).toBeVisible();
  await page.getByRole('button', { name: 'Copy code' }).first().click();
  await expect(chat(page).announced).toHaveText('Code copied.');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(PYTHON.trimEnd());
});

test('code that streams has colours before its end, and never loses them again', async ({ page }) => {
  const lines = Array.from({ length: 60 }, (_, i) => `let value${i} = "${i}";\n`);
  await scriptEngine(page, { answers: { '*': { pieces: [`${FENCE}js\n`, ...lines, FENCE], delayMs: 30 } } });
  await page.goto('/');
  await ask(page, 'code');
  const keywords = page.locator('.word-keyword');
  await expect.poll(() => keywords.count()).toBeGreaterThan(0);
  await expect(page.getByRole('button', { name: 'Stop', exact: true })).toBeVisible();
  const counts: number[] = [];
  while (await page.getByRole('button', { name: 'Stop', exact: true }).isVisible()) counts.push(await keywords.count());
  expect(counts.filter((count, index) => count < (counts[index - 1] ?? 0))).toEqual([]);
  await expect(keywords).toHaveCount(60);
});

test('code of a language that nobody knows, and of none, stays as it is', async ({ page }) => {
  const asked = highlighters(page);
  await scriptEngine(page, {
    answers: {
      none: { pieces: [`${FENCE}\nlet x;\n${FENCE}`] },
      '*': { pieces: [`${FENCE}klingon\nlet x;\n${FENCE}`] },
    },
  });
  await page.goto('/');
  await ask(page, 'none');
  await expect(chat(page).answers.locator('pre')).toHaveText('let x;');
  expect(asked).toEqual([]);
  await ask(page, 'klingon');
  await expect.poll(() => asked.length).toBe(1);
  await expect(chat(page).answers.last().locator('pre')).toHaveText('let x;');
  await expect(chat(page).answers.last().locator('pre span')).toHaveCount(0);
});

test('the first chunk of code that cannot be coloured takes nothing else with it', async ({ page }) => {
  // A grammar's time for such a text grows with its square, or worse: the worker is ended, and the next text is coloured.
  const hostile = `${FENCE}xml\n${'<a b="'.repeat(4900)}\n${FENCE}`;
  await scriptEngine(page, { answers: { hostile: { pieces: [hostile] }, '*': { pieces: words(ANSWER) } } });
  await page.goto('/');
  await ask(page, 'hostile');
  await ask(page, 'code');
  await expect(chat(page).answers.last().locator('.word-keyword').first()).toHaveText('def');
});

test('where the highlighter cannot be fetched, code is there without colours', async ({ browser, baseURL }) => {
  const page = await browser.newPage({ baseURL: baseURL ?? '', serviceWorkers: 'block' });
  let refused = 0;
  await page.route(
    ({ href }) => isHighlighter(href),
    (route) => {
      refused++;
      return route.abort();
    },
  );
  await scriptEngine(page, { answers: { '*': { pieces: words(ANSWER), delayMs: 5 } } });
  await page.goto('/');
  await ask(page, 'code');
  await ended(page);
  await expect.poll(() => refused).toBe(1);
  expect(
    await page
      .locator('pre code')
      .first()
      .evaluate((node) => node.textContent),
  ).toBe(PYTHON);
  await expect(page.locator('pre span')).toHaveCount(0);
  // It is not asked for again and again while more code comes.
  await ask(page, 'code again');
  await expect(chat(page).turns).toHaveCount(2);
  await ended(page);
  expect(refused).toBe(1);
  await page.close();
});
