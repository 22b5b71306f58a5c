// For everyone: no violations that axe finds, the keyboard alone, a phone's width.

import type { Locator, Page } from '@playwright/test';
import { violations } from './axe.ts';
import { release, scriptEngine, words, type EngineScript } from './scripted-engine.ts';
import { ask, chat, ended, expect, test } from './ui-test.ts';

const RICH =
  'Text, `code`, [a link](https://example.org/).\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n```js\nlet x;\n```\n\n> Quoted.';
const SCRIPT: EngineScript = {
  holdLoad: true,
  progress: [
    { stage: 'weights', loaded: 1, total: 3, progress: 0.3, source: 'network', bytesPerSecond: 1e6, secondsLeft: 2 },
  ],
  answers: {
    rich: { pieces: words(RICH) },
    held: { pieces: ['Done.'], hold: true, prefill: { processed: 300, total: 900 } },
    '*': { pieces: [], fault: { code: 'network', message: 'The line is down; try again.' } },
  },
};

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } });

    test('axe finds nothing in any state of the chat', async ({ page }) => {
      await scriptEngine(page, SCRIPT);
      await page.goto('/');
      await expect(page.getByRole('progressbar')).toBeVisible();
      expect(await violations(page), 'loading').toEqual([]);
      await release(page);
      await expect(chat(page).announced).toHaveText('Lexicon is ready.');
      expect(await violations(page), 'empty').toEqual([]);
      await ask(page, 'rich');
      await ended(page);
      await ask(page, 'held');
      await expect(page.getByText(/Reading the chat/)).toBeVisible();
      // A person who wants no motion gets none.
      await expect(page.locator('.dots i').first()).toHaveCSS('animation-name', 'none');
      expect(await violations(page), 'answering').toEqual([]);
      await release(page);
      await ask(page, 'fails');
      await expect(chat(page).alert).toBeVisible();
      expect(await violations(page), 'a question that failed').toEqual([]);
      await chat(page).settings.click();
      await page.getByRole('textbox', { name: 'Temperature' }).fill('warm');
      expect(await violations(page), 'settings').toEqual([]);
      await page.keyboard.press('Escape');
      // The list of chats with its actions, a question that is being changed, and a chat that was deleted.
      await page.getByRole('button', { name: 'Change this question' }).first().click();
      await page.getByRole('button', { name: 'More for “rich”' }).click();
      expect(await violations(page), 'chats').toEqual([]);
      await page.getByRole('button', { name: 'Delete' }).click();
      await expect(page.getByText('“rich” is deleted.')).toBeVisible();
      expect(await violations(page), 'a deleted chat').toEqual([]);
      await page.getByRole('button', { name: 'Models' }).click();
      await page.getByRole('textbox', { name: 'Repository or address' }).fill('nonsense');
      await page.keyboard.press('Enter');
      await expect(page.getByText('Give a repository as org/name')).toBeVisible();
      expect(await violations(page), 'models').toEqual([]);
    });

    test('axe finds nothing when the model cannot be loaded', async ({ page }) => {
      await scriptEngine(page, {
        loadFaults: [
          { code: 'network', message: 'The server is away.' },
          { code: 'webgpu_unavailable', message: 'No GPU was found.' },
        ],
        answers: {},
      });
      await page.goto('/');
      await expect(chat(page).alert).toBeVisible();
      expect(await violations(page), 'failed').toEqual([]);
      await page.getByRole('button', { name: 'Try again' }).click();
      await expect(page.getByRole('heading', { name: 'This page needs WebGPU' })).toBeVisible();
      expect(await violations(page), 'no WebGPU').toEqual([]);
    });
  });
}

test('the keyboard alone does everything', async ({ page }) => {
  await scriptEngine(page, {
    answers: { '*': [{ pieces: ['First.'] }, { pieces: ['Second.'] }, { pieces: ['Third.'] }] },
  });
  await page.goto('/');
  const { answers, announced, input, newChat, settings } = chat(page);
  await expect(announced).toHaveText('Lexicon is ready.');
  // With a mouse and a keyboard at hand the input has the focus from the start.
  await expect(input).toBeFocused();
  await page.keyboard.type('What is a pear?');
  await page.keyboard.press('Enter');
  await expect(answers).toHaveText('First.');
  await page.keyboard.press('Shift+Tab');
  await expect(page.getByRole('button', { name: 'Answer again' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(answers).toHaveText('Second.');
  await expect(input).toBeFocused();
  await tabTo(page, settings, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  const temperature = page.getByRole('textbox', { name: 'Temperature' });
  await tabTo(page, temperature, 'Tab');
  await page.keyboard.type('0.5');
  await page.keyboard.press('Escape');
  await expect(settings).toBeFocused();
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await expect(newChat).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(answers).toHaveCount(0);
  await expect(input).toBeFocused();
  await page.keyboard.press('Shift+Tab');
  await expect(page.getByRole('button', { name: 'What is 27 + 14?' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(answers).toHaveText('Third.');
  await ended(page);
  // The focused element shows its focus.
  await page.keyboard.press('Shift+Tab');
  await expect(page.getByRole('button', { name: 'plus 3?' })).toHaveCSS('outline-style', 'solid');
});

/** Presses a key until something has the focus, and no more often than the page can have use for. */
async function tabTo(page: Page, target: Locator, key: string): Promise<void> {
  for (let step = 0; step < 16 && !(await target.evaluate(isFocused)); step++) await page.keyboard.press(key);
  await expect(target).toBeFocused();
}

function isFocused(node: Element): boolean {
  return (node.getRootNode() as ShadowRoot).activeElement === node;
}

test.describe('on a phone', () => {
  test.use({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });

  test('everything fits the width, and the input stays in sight', async ({ page }) => {
    const wide = `${RICH}\n\n${'unbroken'.repeat(30)}\n\n\`\`\`\n${'wide '.repeat(60)}\n\`\`\``;
    await scriptEngine(page, { ...SCRIPT, answers: { ...SCRIPT.answers, wide: { pieces: words(wide) } } });
    await page.goto('/');
    const fits = async (where: string): Promise<void> => {
      const widths = await page.evaluate(() => {
        const root = document.querySelector('bamba-chat')?.shadowRoot;
        const scroller = root?.querySelector('.scroller');
        return [document.documentElement.scrollWidth, scroller?.scrollWidth ?? 0];
      });
      expect(Math.max(...widths), where).toBeLessThanOrEqual(360);
    };
    await expect(page.getByRole('progressbar')).toBeVisible();
    await fits('loading');
    await expect(chat(page).input).toBeInViewport({ ratio: 1 });
    // No keyboard jumps up before the person asks for it.
    await expect(chat(page).input).not.toBeFocused();
    await release(page);
    await fits('empty');
    await ask(page, 'wide');
    await ended(page);
    await fits('a wide answer');
    await expect(chat(page).input).toBeInViewport({ ratio: 1 });
    await ask(page, 'fails');
    await expect(chat(page).alert).toBeVisible();
    await fits('a failure');
    for (const button of await page.getByRole('button').all()) {
      const box = await button.boundingBox();
      if (box) expect(Math.min(box.width, box.height), 'large enough for a thumb').toBeGreaterThanOrEqual(24);
    }
    await page.getByRole('button', { name: 'More', exact: true }).tap();
    await fits('menu');
    await chat(page).settings.tap();
    await expect(page.getByRole('dialog')).toBeVisible();
    await fits('settings');
    await page.getByRole('button', { name: 'Close settings' }).tap();
    await page.getByRole('button', { name: 'Models' }).tap();
    await expect(page.getByRole('dialog', { name: 'Models' })).toBeVisible();
    await fits('models');
    await page.getByRole('button', { name: 'Close models' }).tap();
    // The list of chats is a drawer here; it closes when one is chosen.
    await page.getByRole('button', { name: 'Chats' }).tap();
    await expect(page.getByRole('dialog', { name: 'Chats' })).toBeVisible();
    await fits('chats');
    await page.locator('.chat-title').tap();
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });
});
