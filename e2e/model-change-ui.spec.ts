// Changing models: the one that runs stays until the other is ready, and nothing that was typed, chosen or stored keeps
// anybody out.

import type { Page } from '@playwright/test';
import { PRESETS } from '../src/element/models/presets.ts';
import { violations } from './axe.ts';
import { keepLexicon } from './kept-model.ts';
import { release, scriptEngine, words, type EngineScript } from './scripted-engine.ts';
import { ask, chat, CHAT_ID, expect, offerInstallation, test } from './ui-test.ts';

const GRANITE = 'ibm-granite/granite-4.0-h-1b';
const SCRIPT: EngineScript = {
  names: { [GRANITE]: 'Granite 4.0-H 1B' },
  answers: { held: { pieces: words('First this, then that.'), hold: true }, '*': { pieces: ['Fine.'] } },
};
const CHOICE_KEY = 'bamba-chat:model';

async function choose(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Models' }).click();
  await page.getByRole('button', { name: 'Load Granite 4.0-H 1B' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
}

const title = (page: Page, name: string) => page.getByRole('heading', { level: 2, name });
const probe = <Key extends 'answeredBy' | 'disposed' | 'loads'>(page: Page, key: Key) =>
  page.evaluate((each) => window.engineProbe[each], key);
const stored = (page: Page): Promise<string | null> => page.evaluate((key) => localStorage.getItem(key), CHOICE_KEY);

/** Lexicon answers, and nothing of Granite is kept. */
async function lexiconStays(page: Page): Promise<void> {
  await ask(page, 'Still there?');
  await expect(chat(page).answers.last()).toHaveText('Fine.');
  expect((await probe(page, 'answeredBy')).at(-1)).toBe('Lexicon');
  expect(await stored(page)).toBeNull();
}

test('the model that runs answers until another is ready, and only then is the choice kept', async ({ page }) => {
  const progress = { stage: 'weights', loaded: 1e9, total: 2.92e9, progress: 0.34, source: 'network' } as const;
  await scriptEngine(page, {
    ...SCRIPT,
    holdLoad: 1,
    progress: [{ ...progress, bytesPerSecond: 9e6, secondsLeft: 200 }],
  });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await choose(page);
  await expect(page.getByRole('progressbar', { name: 'Downloading Granite 4.0-H 1B' })).toBeVisible();
  await expect(page.getByText('Lexicon answers until then.')).toBeVisible();
  await expect(title(page, 'Lexicon')).toBeVisible();
  await lexiconStays(page);
  expect(await probe(page, 'disposed')).toBe(0);
  await release(page);
  await expect(title(page, 'Granite 4.0-H 1B')).toBeVisible();
  await expect(page.getByRole('progressbar')).toHaveCount(0);
  await expect.poll(() => probe(page, 'disposed')).toBe(1);
  expect(await stored(page)).toContain(GRANITE);
  await ask(page, 'And you?');
  await expect(chat(page).answers.last()).toHaveText('Fine.');
  expect((await probe(page, 'answeredBy')).at(-1)).toBe('Granite 4.0-H 1B');
});

test('an answer that is being written ends with the model that began it', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await ask(page, 'held');
  await expect(chat(page).stop).toBeVisible();
  await choose(page);
  await expect(page.getByText('It answers once Lexicon has finished this answer.')).toBeVisible();
  await expect(title(page, 'Lexicon')).toBeVisible();
  await release(page);
  await expect(chat(page).answers).toHaveText('First this, then that.');
  await expect(title(page, 'Granite 4.0-H 1B')).toBeVisible();
  expect(await probe(page, 'answeredBy')).toEqual(['Lexicon']);
});

test('loading is cancelled by the keyboard, and what ran goes on', async ({ page }) => {
  await scriptEngine(page, { ...SCRIPT, holdLoad: 1 });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await choose(page);
  await page.getByRole('button', { name: 'Cancel' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('progressbar')).toHaveCount(0);
  await expect(chat(page).input).toBeFocused();
  await release(page);
  await expect.poll(() => probe(page, 'disposed')).toBe(1);
  await lexiconStays(page);
  await page.reload();
  await expect(title(page, 'Lexicon')).toBeVisible();
});

test('the first model can be cancelled, too; a question that waits for it comes back', async ({ page }) => {
  await scriptEngine(page, { ...SCRIPT, holdLoad: true });
  await page.goto('/');
  await ask(page, 'Anybody there?');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(chat(page).input).toHaveValue('Anybody there?');
  await page.getByRole('button', { name: 'Load the model' }).click();
  await release(page);
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
});

const FAULTS = [
  ['network', 'The server cannot be reached.', 'Try again'],
  ['access_denied', 'The repository asks for a token.', 'Try again'],
  ['unsupported_model', 'This architecture is unknown.', undefined],
  ['config_invalid', 'config.json is broken.', 'Try again'],
  ['shard_corrupt', 'A part of the weights is damaged.', 'Try again'],
  ['storage_full', 'The browser gives no more room.', 'Try again'],
  ['adapter_limit', 'The model needs 9.8 GB, and this GPU offers 2 GB.', undefined],
  ['out_of_memory', 'The memory of the GPU is full.', 'Free Lexicon, and try again'],
  ['gpu_failure', 'A shader does not compile.', 'Try again'],
  ['webgpu_unavailable', 'No GPU was found.', 'Try again'],
] as const;

test('a model that cannot be loaded changes nothing, whatever the reason', async ({ page }) => {
  const faults = FAULTS.map(([code, message]) => ({ code, message }));
  await scriptEngine(page, { ...SCRIPT, loadFaults: [null, ...faults] });
  await page.goto('/');
  const { alert, input } = chat(page);
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  for (const [code, message, button] of FAULTS) {
    await choose(page);
    await expect(alert, code).toContainText('Granite 4.0-H 1B could not be loaded');
    await expect(alert).toContainText(`${message} Lexicon goes on answering.`);
    await expect(alert).toBeInViewport({ ratio: 1 });
    for (const name of ['Try again', 'Free Lexicon, and try again']) {
      await expect(alert.getByRole('button', { name, exact: true })).toHaveCount(name === button ? 1 : 0);
    }
    await expect(input).toBeEnabled();
    await alert.getByRole('button', { name: 'Back to Lexicon' }).click();
    await expect(alert).toHaveCount(0);
    await expect(input).toBeFocused();
  }
  await lexiconStays(page);
  expect(await probe(page, 'disposed')).toBe(0);
  // The list says so as well, at the model that failed.
  await page.reload();
  await expect(title(page, 'Lexicon')).toBeVisible();
});

test('where both do not fit, Lexicon is freed when asked, and comes back when that does not help', async ({ page }) => {
  const fault = { code: 'out_of_memory', message: 'The memory of the GPU is full.' };
  await scriptEngine(page, { ...SCRIPT, loadFaults: [null, fault, fault, null, fault, null] });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  const { alert } = chat(page);
  const free = alert.getByRole('button', { name: 'Free Lexicon, and try again' });
  await choose(page);
  await free.click();
  await expect(alert).toContainText('Granite 4.0-H 1B could not be loaded');
  await expect(title(page, 'Lexicon')).toBeVisible();
  await expect.poll(async () => (await probe(page, 'loads')).length).toBe(4);
  await expect(alert).toContainText('Lexicon goes on answering.');
  await lexiconStays(page);
  await alert.getByRole('button', { name: 'Back to Lexicon' }).click();
  await choose(page);
  await free.click();
  await expect(title(page, 'Granite 4.0-H 1B')).toBeVisible();
  await expect(alert).toHaveCount(0);
  expect(await stored(page)).toContain(GRANITE);
});

test('a choice of an earlier visit that no longer loads leads back to Lexicon', async ({ page }) => {
  await page.addInitScript(
    ([key, model]) => localStorage.setItem(key, localStorage.getItem('seen') ? '' : JSON.stringify({ model })),
    [CHOICE_KEY, GRANITE] as const,
  );
  await scriptEngine(page, { ...SCRIPT, loadFaults: [{ code: 'network', message: 'The server is away.' }] });
  await page.goto('/');
  const { alert, answers } = chat(page);
  await expect(alert).toContainText('Granite 4.0-H 1B could not be loaded');
  await alert.getByRole('button', { name: 'Back to Lexicon' }).click();
  await expect(title(page, 'Lexicon')).toBeVisible();
  await ask(page, 'Are you there?');
  await expect(answers).toHaveText('Fine.');
  expect(await stored(page)).toBeNull();
});

test('addresses that nothing can be asked for are refused where they are typed', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await page.getByRole('button', { name: 'Models' }).click();
  const field = page.getByRole('textbox', { name: 'Repository or address' });
  for (const address of ['https://example.com:99999/m/', 'https://[', 'https://me:word@example.org/m/', 'ftp://x/']) {
    await field.fill(address);
    await page.keyboard.press('Enter');
    await expect(field).toHaveAttribute('aria-invalid', 'true');
    await expect(field).toHaveAccessibleDescription(/cannot be opened|leave both out|Give a repository/);
    await expect(field).toBeFocused();
  }
  expect(await stored(page)).toBeNull();
  expect(await probe(page, 'loads')).toHaveLength(1);
});

test('what was typed and could not be loaded is still there, with the reason beside it', async ({ page }) => {
  await scriptEngine(page, {
    ...SCRIPT,
    loadFaults: [null, { code: 'access_denied', message: 'There is no such repository.' }],
  });
  await page.goto('/');
  await page.getByRole('button', { name: 'Models' }).click();
  const field = page.getByRole('textbox', { name: 'Repository or address' });
  await field.fill('org/mistyped');
  await page.keyboard.press('Enter');
  await chat(page).alert.getByRole('button', { name: 'Show the models' }).click();
  await expect(field).toHaveValue('org/mistyped');
  await expect(field).toHaveAccessibleDescription('org/mistyped could not be loaded: There is no such repository.');
});

for (const [key, values] of [
  [CHOICE_KEY, ['{', 'null', '7', '{"model":"https://example.com:99999/m/"}', '{"model":"https://["}', '{"model":[]}']],
  ['bamba-chat:theme', ['"sunny"', '{}', '\u0000']],
  ['bamba-chat:side', ['"x"', '[[[']],
  ['bamba-chat:drafts', ['7', '{"a":{}}', 'null', '[1]']],
] as const) {
  test(`no ${key} that is stored keeps anybody out`, async ({ page }) => {
    await scriptEngine(page, SCRIPT);
    for (const value of values) {
      await page.goto('/reset.html');
      await page.evaluate(([name, text]) => localStorage.setItem(name, text), [key, value] as const);
      await page.goto('/');
      await expect(chat(page).announced, value).toHaveText('Lexicon is ready.');
      await ask(page, 'Fine?');
      await expect(chat(page).answers.last()).toHaveText('Fine.');
    }
  });
}

test('settings of a model that make no sense are left out', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await page.evaluate(() => {
    const model = new URL('./models/lexicon/', location.href).href;
    localStorage.setItem(`bamba-chat:settings:${model}`, '{"temperature":"hot","topK":-1,"topP":0.5,"x":{}}');
    localStorage.setItem(`bamba-chat:system:${model}`, '{"no":"text"}');
  });
  await page.reload();
  await ask(page, 'Fine?');
  await expect(chat(page).answers).toHaveText('Fine.');
  expect((await page.evaluate(() => window.engineProbe.requests))[0]).toEqual({
    conversation: CHAT_ID,
    messages: [{ role: 'user', content: 'Fine?' }],
    topP: 0.5,
  });
});

test('what cannot be drawn says so in its place; settings can be reset there', async ({ page }) => {
  // It is reported to the console, on purpose.
  page.removeAllListeners('console');
  page.removeAllListeners('pageerror');
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await page.getByRole('button', { name: 'Use dark colours' }).click();
  await page.evaluate(() => Object.assign(document.querySelector('bamba-chat')!, { suggestions: undefined }));
  const { alert } = chat(page);
  await expect(alert).toContainText('This part of the page cannot be shown');
  await expect(alert.getByRole('button', { name: 'Reload' })).toBeVisible();
  await alert.getByRole('button', { name: 'Reset settings' }).click();
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await expect(page.getByRole('button', { name: /^Use (dark|light) colours$/ })).toBeVisible();
  expect(await page.evaluate(() => localStorage.getItem('bamba-chat:theme'))).toBeNull();
});

test('a damaged record among the kept models hides none of the others, and can be deleted', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const models = page.getByRole('button', { name: 'Models' });
  await models.click();
  await expect(page.getByText('None yet.')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.evaluate(keepLexicon);
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open('bamba-web');
        opening.addEventListener('error', () => reject(opening.error ?? new Error('no reason given')));
        opening.addEventListener('success', () => {
          const transaction = opening.result.transaction(['packages', 'conversions'], 'readwrite');
          transaction.objectStore('packages').put({ url: 'https://example.org/bad/', manifest: { name: 7 } });
          transaction.objectStore('conversions').put({ id: 'org/half int8', origin: null });
          transaction.addEventListener('complete', resolve);
        });
      }),
  );
  await models.click();
  await expect(page.getByRole('button', { name: 'Delete Lexicon, int8' })).toBeVisible();
  await expect(page.getByText('damaged · 0 B')).toHaveCount(2);
  await expect(page.getByRole('button', { name: 'Use https://example.org/bad/' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Delete https://example.org/bad/, damaged' }).click();
  await page.getByRole('button', { name: 'Delete 0 B' }).click();
  await expect(page.getByText('damaged · 0 B')).toHaveCount(1);
});

test('what fits is marked before a click, and so is what nobody has run yet', async ({ page }) => {
  await page.addInitScript(() => {
    Object.assign(navigator.gpu, { requestAdapter: async () => ({ limits: { maxBufferSize: 2 ** 31 } }) });
  });
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await page.getByRole('button', { name: 'Models' }).click();
  const card = (name: string) => page.getByRole('listitem').filter({ hasText: name });
  await expect(card('Granite 4.0-H 1B')).toContainText('Should fit this GPU');
  const bamba = card('Bamba 9B');
  await expect(bamba).toContainText('May not fit this GPU');
  const micro = card('Granite 4.0-H Micro');
  await expect(micro).toContainText('Should fit this GPU');
  await page.getByRole('combobox', { name: 'Type of Granite 4.0-H Micro' }).selectOption('int8');
  await expect(micro).toContainText('May not fit this GPU');
  await expect(page.locator('.badge').filter({ hasText: 'Not yet run here' })).toHaveCount(14);
  await expect(card('The pocket dictionary').getByText('Not yet run here')).toHaveCount(0);
});

test('the greeting and the questions to begin with are those of the model at hand', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const suggestions = page.getByRole('list', { name: 'Questions to begin with' });
  await expect(suggestions).toBeVisible();
  await choose(page);
  await expect(title(page, 'Granite 4.0-H 1B')).toBeVisible();
  await expect(suggestions).toHaveCount(0);
  await expect(page.getByText('Ask Granite 4.0-H 1B')).toBeVisible();
  await expect(page.getByText('A good balance for a laptop.')).toBeVisible();
  await expect(page.getByText('that runs on this device, and can be wrong. Nobody has run its own')).toBeVisible();
  await expect(page.getByText('a pocket dictionary you can talk to')).toBeHidden();
  await page.getByRole('button', { name: 'Models' }).click();
  await page.getByRole('button', { name: 'Load Lexicon' }).click();
  await expect(suggestions).toBeVisible();
});

test('a model brings questions of its own, in the place of those of its preset', async ({ page }) => {
  const model = {
    name: 'Lexicon',
    parameters: 34_900_000,
    scheme: 'int8',
    bytes: 35_400_000,
    contextLength: 4096,
    hasChatTemplate: true,
    suggestions: ['What is a pear?', ['Define gravity.', 'And mass?']] as const,
  };
  await scriptEngine(page, { ...SCRIPT, holdLoad: true, info: { model } });
  await page.goto('/');
  const begin = page.getByRole('list', { name: 'Questions to begin with' }).getByRole('button');
  await expect(begin).toHaveCount(4);
  await release(page);
  await expect(begin).toHaveText(['What is a pear?', 'Define gravity. then And mass?']);
});

test('a preset that is chosen brings its own questions, and those that follow on them', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await page.evaluate((model) => {
    const element = document.querySelector('bamba-chat')!;
    const own = { suggestions: [['Why is the sky blue?', 'And red at night?']] as const };
    element.presets = element.presets.map((preset) => (preset.model === model ? { ...preset, ...own } : preset));
  }, GRANITE);
  await choose(page);
  await page.getByRole('button', { name: 'Why is the sky blue?' }).click();
  await page.getByRole('button', { name: 'And red at night?' }).click();
  await expect(chat(page).answers).toHaveText(['Fine.', 'Fine.']);
  await expect(page.getByRole('list', { name: 'Questions that follow on' })).toHaveCount(0);
});

test('what failed is in sight when the list opens, and what cannot be deleted says so at its place', async ({
  page,
}) => {
  const sentence = 'config.json is broken.';
  await scriptEngine(page, { ...SCRIPT, loadFaults: [null, { code: 'config_invalid', message: sentence }] });
  await page.setViewportSize({ width: 1280, height: 500 });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  // The first look at the list makes the database.
  await page.getByRole('button', { name: 'Models' }).click();
  await expect(page.getByText('None yet.')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.evaluate(keepLexicon);
  await page.getByRole('button', { name: 'Models' }).click();
  await page.getByRole('button', { name: 'Load Bamba 9B v2' }).click();
  await expect(chat(page).alert).toContainText('Bamba 9B v2 could not be loaded');
  await page.getByRole('button', { name: 'Models' }).click();
  await expect(page.getByText(`Could not be loaded: ${sentence}`)).toBeInViewport({ ratio: 1 });
  await page.evaluate(() => {
    const fault = Object.assign(new Error('Another tab uses it; close that one.'), {
      name: 'BambaError',
      code: 'busy',
    });
    const dialog = document.querySelector('bamba-chat')!.shadowRoot!.querySelector('bamba-models')!;
    const { store } = dialog;
    dialog.store = { ...store, delete: () => Promise.reject(fault) };
  });
  await page.getByRole('button', { name: 'Delete Lexicon, int8' }).click();
  await page.getByRole('button', { name: /^Delete 3\d\.\d MB$/ }).click();
  const kept = page.getByRole('listitem').filter({ has: page.getByRole('button', { name: 'Delete Lexicon, int8' }) });
  await expect(kept.getByRole('alert')).toHaveText('Could not be deleted: Another tab uses it; close that one.');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing while models change, in ${colorScheme} colours`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const fault = { code: 'out_of_memory', message: 'The memory of the GPU is full.' };
    await scriptEngine(page, { ...SCRIPT, holdLoad: 1, loadFaults: [null, fault] });
    await page.goto('/');
    await expect(chat(page).announced).toHaveText('Lexicon is ready.');
    await choose(page);
    await expect(page.getByText('Lexicon answers until then.')).toBeVisible();
    expect(await violations(page), 'loading').toEqual([]);
    await release(page);
    await expect(chat(page).alert).toBeVisible();
    expect(await violations(page), 'failed').toEqual([]);
    await page.getByRole('button', { name: 'Models:' }).click();
    await expect(page.getByText('Could not be loaded:')).toBeVisible();
    expect(await violations(page), 'models').toEqual([]);
    await page.keyboard.press('Escape');
    await chat(page).settings.click();
    await expect(page.getByRole('button', { name: 'Get the page’s files anew' })).toBeVisible();
    expect(await violations(page), 'settings').toEqual([]);
    await page.goto('/reset.html');
    expect(await violations(page), 'reset').toEqual([]);
  });
}

test('on a phone of 390 pixels the name and the facts of every model are whole', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const names = PRESETS.map(({ model, name }) => [model, name] as const);
  await scriptEngine(page, { ...SCRIPT, names: Object.fromEntries(names) });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  // A page that can be installed has one more thing to show.
  await page.evaluate(offerInstallation);
  for (const [, name] of [['', 'Lexicon'] as const, ...names]) {
    if (name !== 'Lexicon') {
      await page.getByRole('button', { name: 'Models' }).click();
      await page.getByRole('button', { name: `Load ${name}` }).click();
    }
    await expect(title(page, name)).toBeVisible();
    for (const part of ['.model-running', '.model-button .facts']) {
      expect(await page.locator(part).evaluate((node) => node.scrollWidth <= node.clientWidth), name).toBe(true);
    }
  }
});
