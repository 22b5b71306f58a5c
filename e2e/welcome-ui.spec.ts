// The first screen: what the model is good at, what kind of model it is, and the questions that follow on an answer.

import { goldenChat } from '../src/testing/models/golden-chats.ts';
import { violations } from './axe.ts';
import { requests, scriptEngine, words, type EngineScript } from './scripted-engine.ts';
import { ask, chat, ended, expect, test } from './ui-test.ts';

const FRANCE = goldenChat('What is the capital of France?');
const SCRIPT: EngineScript = {
  answers: {
    'What is the capital of France?': { pieces: words('The capital of France is Paris.') },
    'And its currency?': { pieces: words('France uses the currency EUR.') },
    'What about Spain?': { pieces: words('Spain uses the currency EUR.') },
    '*': { pieces: ['Fine.'] },
  },
};

test('the first screen shows one question of each kind, a second step among them', async ({ page }) => {
  expect(FRANCE.length).toBeGreaterThan(1);
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const first = page.getByRole('list', { name: 'Questions to begin with' });
  await expect(first.getByRole('button')).toHaveText([
    'What is an apple? then What kind of thing is it?',
    'What is the capital of France? then And its currency?',
    'What is the symbol of iron? then And its atomic number?',
    'What is 27 + 14? then plus 3?',
  ]);
  await expect(page.getByText('It learned its facts by heart and is no general assistant')).toBeVisible();
  await expect(page.getByText('like every model, it can be wrong')).toBeVisible();
  await expect(page.getByText('Lexicon can be wrong: check what matters.')).toBeVisible();
});

test('after an answer its next step is offered, by the keyboard alone, until there is none', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const { answers, input } = chat(page);
  const following = page.getByRole('list', { name: 'Questions that follow on' });
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await page.getByRole('button', { name: 'What is the capital of France?' }).focus();
  await page.keyboard.press('Enter');
  for (const [index, question] of ['And its currency?', 'What about Spain?'].entries()) {
    await expect(answers).toHaveCount(index + 1);
    await expect(following.getByRole('button')).toHaveText(question);
    await expect(input).toBeFocused();
    await page.keyboard.press('Shift+Tab');
    await expect(following.getByRole('button')).toBeFocused();
    await page.keyboard.press('Enter');
  }
  await expect(answers).toHaveText([
    'The capital of France is Paris.',
    'France uses the currency EUR.',
    'Spain uses the currency EUR.',
  ]);
  await ended(page);
  await expect(following).toHaveCount(0);
  expect((await requests(page)).at(-1)?.messages?.map(({ content }) => content)).toEqual([
    'What is the capital of France?',
    'The capital of France is Paris.',
    'And its currency?',
    'France uses the currency EUR.',
    'What about Spain?',
  ]);
});

test('no next step is offered while an answer is written, after another question, or of a model that failed', async ({
  page,
}) => {
  const held = { pieces: ['So.'], hold: true };
  await scriptEngine(page, { answers: { ...SCRIPT.answers, 'And its currency?': held } });
  await page.goto('/');
  const following = page.getByRole('list', { name: 'Questions that follow on' });
  await ask(page, 'what is the capital of france?');
  await following.getByRole('button', { name: 'And its currency?' }).click();
  await expect(chat(page).stop).toBeVisible();
  await expect(following).toHaveCount(0);
  // Stopped, it is not answered.
  await chat(page).stop.click();
  await ended(page);
  await expect(following).toHaveCount(0);
  await ask(page, 'Something else?');
  await ended(page);
  await expect(following).toHaveCount(0);
});

test('questions that nobody would answer are not offered', async ({ page }) => {
  await scriptEngine(page, { ...SCRIPT, loadFaults: [{ code: 'network', message: 'The server is away.' }] });
  await page.goto('/');
  await expect(chat(page).alert).toBeVisible();
  const first = page.getByRole('list', { name: 'Questions to begin with' });
  await expect(first).toHaveCount(0);
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(first).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    test(`the first screen is whole, ${viewport.width} pixels wide, in ${colorScheme} colours`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize(viewport);
      await scriptEngine(page, SCRIPT);
      await page.goto('/');
      await expect(chat(page).announced).toHaveText('Lexicon is ready.');
      // Nothing has to be scrolled for, and nothing is cut.
      await expect(page.getByRole('button', { name: 'What is 27 + 14?' })).toBeInViewport({ ratio: 1 });
      const { scrollWidth, clientWidth } = await chat(page).scroller.evaluate((box) => ({
        scrollWidth: box.scrollWidth,
        clientWidth: box.clientWidth,
      }));
      expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
      expect(await violations(page)).toEqual([]);
      await ask(page, 'What is the capital of France?');
      await expect(page.getByRole('button', { name: 'And its currency?' })).toBeInViewport({ ratio: 1 });
      expect(await violations(page)).toEqual([]);
    });
  }
}
