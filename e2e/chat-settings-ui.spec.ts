// Settings of one chat alone, and settings under names.

import type { Locator, Page } from '@playwright/test';
import { violations } from './axe.ts';
import { coloursOn } from './looks.ts';
import { requests, scriptEngine } from './scripted-engine.ts';
import { ask, chat, expect, openSettings, test } from './ui-test.ts';

const SCRIPT = { answers: { '*': { pieces: ['Fine.'] } } };

function sheet(page: Page): Record<'system' | 'temperature' | 'alone' | 'name' | 'save', Locator> {
  return {
    system: page.getByRole('textbox', { name: 'System prompt' }),
    temperature: page.getByRole('textbox', { name: 'Temperature' }),
    alone: page.getByRole('radio', { name: 'This chat alone' }),
    name: page.getByRole('textbox', { name: 'Name of a new preset' }),
    save: page.getByRole('button', { name: 'Save', exact: true }),
  };
}

async function asked(page: Page, question: string): Promise<{ system: string | undefined; temperature?: number }> {
  const before = await chat(page).answers.count();
  await ask(page, question);
  await expect(chat(page).answers).toHaveCount(before + 1);
  await expect(chat(page).stop).toHaveCount(0);
  const { messages, temperature } = (await requests(page)).at(-1)!;
  const [first] = messages ?? [];
  const system = first?.role === 'system' ? first.content : undefined;
  return { system, ...(temperature !== undefined && { temperature }) };
}

test('a chat keeps settings of its own, and other chats have those of the model', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const { settings, newChat, answers } = chat(page);
  const { system, temperature, alone } = sheet(page);
  await settings.click();
  await system.fill('For all.');
  await alone.press('Space');
  await expect(alone).toBeChecked();
  await expect(page.getByText('Sent before this chat')).toBeVisible();
  await expect(system).toHaveValue('For all.');
  await system.fill('For this one.');
  await temperature.fill('0.7');
  await page.keyboard.press('Escape');
  expect(await asked(page, 'First?')).toEqual({ system: 'For this one.', temperature: 0.7 });
  await newChat.click();
  expect(await asked(page, 'Second?')).toEqual({ system: 'For all.' });
  await page.getByRole('button', { name: 'First?', exact: true }).click();
  expect(await asked(page, 'And on?')).toEqual({ system: 'For this one.', temperature: 0.7 });
  await page.reload();
  await expect(answers).toHaveCount(2);
  await settings.click();
  await expect(alone).toBeChecked();
  await expect(temperature).toHaveValue('0.7');
  await page.getByRole('radio', { name: 'This model' }).press('Space');
  await expect(system).toHaveValue('For all.');
  await expect(temperature).toHaveValue('');
  await page.keyboard.press('Escape');
  expect(await asked(page, 'As all do?')).toEqual({ system: 'For all.' });
});

for (const [device, viewport] of [
  ['a desktop', { width: 1280, height: 720 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  for (const colorScheme of coloursOn(device)) {
    test.describe(`on ${device}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme, contextOptions: { reducedMotion: 'reduce' } });

      test('presets are saved, chosen and deleted, by the keyboard alone', async ({ page }) => {
        await scriptEngine(page, SCRIPT);
        await page.goto('/');
        const { system, temperature, name, save } = sheet(page);
        await openSettings(page);
        await expect(save).toBeDisabled();
        await system.fill('Be brief.');
        await temperature.fill('0.3');
        await name.fill('Brief');
        await page.keyboard.press('Enter');
        await expect(page.getByText('“Brief” is saved.')).toBeVisible();
        const brief = page.getByRole('button', { name: 'Brief', exact: true });
        await expect(brief).toHaveAttribute('aria-pressed', 'true');
        await system.fill('Be long.');
        await expect(brief).toHaveAttribute('aria-pressed', 'false');
        await name.fill('Long');
        await save.press('Enter');
        expect(await violations(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
        await page.reload();
        await openSettings(page);
        await brief.press('Enter');
        await expect(system).toHaveValue('Be brief.');
        await expect(temperature).toHaveValue('0.3');
        await page.keyboard.press('Escape');
        expect(await asked(page, 'How?')).toEqual({ system: 'Be brief.', temperature: 0.3 });
        await openSettings(page);
        await page.getByRole('button', { name: 'Delete the preset “Brief”' }).press('Enter');
        await expect(page.getByRole('button', { name: 'Long', exact: true })).toBeFocused();
        await page.getByRole('button', { name: 'Delete the preset “Long”' }).press('Enter');
        await expect(name).toBeFocused();
        // What holds goes on.
        await expect(system).toHaveValue('Be brief.');
        await page.reload();
        await openSettings(page);
        await expect(page.locator('.named')).toHaveCount(0);
      });
    });
  }
}
