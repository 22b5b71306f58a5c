// What the page shows before it can answer, and when it never will.

import type { LoadProgress } from '../src/engine/protocol.ts';
import { release, scriptEngine } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const WEIGHTS: LoadProgress = {
  stage: 'weights',
  loaded: 12_400_000,
  total: 35_400_000,
  progress: 0.31,
  source: 'network',
  bytesPerSecond: 8_200_000,
  secondsLeft: 2.8,
};

test('a download shows bytes, speed and time left', async ({ page }) => {
  await scriptEngine(page, { progress: [WEIGHTS], holdLoad: true, answers: {} });
  await page.goto('/');
  await expect(page.getByText('Downloading the model', { exact: true }).first()).toBeVisible();
  await expect(page.getByText('12.4 MB of 35.4 MB')).toBeVisible();
  await expect(page.getByText('8.20 MB/s · about 3 s left')).toBeVisible();
  await expect(page.getByText('31 %')).toBeVisible();
  const bar = page.getByRole('progressbar', { name: 'Downloading the model' });
  expect(await bar.evaluate((node: HTMLProgressElement) => node.position)).toBeCloseTo(0.31, 2);
  await release(page);
  await expect(page.getByRole('progressbar')).toHaveCount(0);
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
});

test('a second visit says that it reads from this browser; compiling is a stage of its own', async ({ page }) => {
  await scriptEngine(page, {
    progress: [{ ...WEIGHTS, source: 'storage', bytesPerSecond: 0, secondsLeft: Infinity }],
    holdLoad: true,
    answers: {},
  });
  await page.goto('/');
  await expect(page.getByRole('progressbar', { name: 'Reading the model from this browser' })).toBeVisible();
  await expect(page.getByText(/left$/)).toHaveCount(0);
});

test('compiling shows how many programs are done', async ({ page }) => {
  const compile: LoadProgress = { ...WEIGHTS, stage: 'compile', loaded: 12, total: 40, bytesPerSecond: 0 };
  await scriptEngine(page, { progress: [WEIGHTS, compile], holdLoad: true, answers: {} });
  await page.goto('/');
  await expect(page.getByRole('progressbar', { name: 'Preparing your GPU' })).toBeVisible();
  await expect(page.getByText('12 of 40 programs')).toBeVisible();
});

test('a failed load shows its sentence, keeps the question, and tries again', async ({ page }) => {
  await scriptEngine(page, {
    progressDelayMs: 200,
    progress: [WEIGHTS],
    loadFaults: [{ code: 'network', message: 'The server answered 503; try again in a while.' }],
    answers: { '*': { pieces: ['Here.'] } },
  });
  await page.goto('/');
  const { alert, answers, input } = chat(page);
  await ask(page, 'Are you there?');
  await expect(alert).toContainText('The server answered 503; try again in a while.');
  await expect(input).toHaveValue('Are you there?');
  await input.press('Enter');
  await expect(input).toHaveValue('Are you there?');
  await alert.getByRole('button', { name: 'Try again' }).click();
  await input.press('Enter');
  await expect(answers).toHaveText('Here.');
});

test('a model that can never fit offers no second try, and others instead', async ({ page }) => {
  await scriptEngine(page, {
    loadFaults: [{ code: 'adapter_limit', message: 'The model needs 9.8 GB and this GPU offers 2 GB.' }],
    answers: {},
  });
  await page.goto('/');
  await expect(chat(page).alert).toContainText('The model needs 9.8 GB');
  await expect(chat(page).alert.getByRole('button', { name: 'Try again' })).toHaveCount(0);
  await chat(page).alert.getByRole('button', { name: 'Show the models' }).click();
  await expect(page.getByRole('dialog', { name: 'Models' })).toBeVisible();
});

test('a browser without WebGPU is told where it works, and how to switch it on', async ({ page }) => {
  // The engine is the real one here.
  await page.addInitScript(() => {
    delete (Navigator.prototype as { gpu?: unknown }).gpu;
  });
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'This page needs WebGPU' })).toBeVisible();
  await expect(page.getByText('This browser has no WebGPU')).toHaveCount(2); // seen, and announced
  await expect(page.getByText('chrome://flags')).toBeVisible();
  // Only what has been seen to run is recommended.
  await expect(page.getByRole('rowheader')).toHaveText(['Chromium 156', 'Firefox ESR 153']);
  await expect(page.getByText('Everything else is untested')).toBeVisible();
  await expect(chat(page).input).toHaveCount(0);
});

test('an adapter that is missing opens the same panel, and a check that then succeeds the chat', async ({ page }) => {
  await scriptEngine(page, {
    loadFaults: [{ code: 'webgpu_unavailable', message: 'The browser has WebGPU but found no GPU.' }],
    answers: { '*': { pieces: ['Yes.'] } },
  });
  await page.goto('/');
  await expect(page.getByText('The browser has WebGPU but found no GPU.').first()).toBeVisible();
  await page.getByRole('button', { name: 'Check again' }).click();
  await ask(page, 'Now?');
  await expect(chat(page).answers).toHaveText('Yes.');
});

test('scripts that never arrive leave a page that says so', async ({ page }) => {
  // No errors of the console here: a script that does not load is one.
  page.removeAllListeners('console');
  await page.route('**/*.js', (route) => route.abort());
  await page.goto('/');
  await expect(page.getByText('a pocket dictionary you can talk to')).toBeVisible();
  await expect(page.getByText('The chat has not appeared.')).toBeVisible({ timeout: 15_000 });
});

test('screen readers hear every stage of loading once', async ({ page }) => {
  const compile: LoadProgress = { ...WEIGHTS, stage: 'compile', loaded: 1, total: 4 };
  const progress = [
    WEIGHTS,
    { ...WEIGHTS, loaded: 2e7 },
    { ...WEIGHTS, loaded: 3e7 },
    compile,
    { ...compile, loaded: 3 },
  ];
  await scriptEngine(page, { progress, progressDelayMs: 60, answers: {} });
  await page.addInitScript(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    const look = (): void => {
      const said = document.querySelector('bamba-chat')?.shadowRoot?.querySelector('[role=status]')?.textContent;
      if (said && said !== heard.at(-1)) heard.push(said);
      requestAnimationFrame(look);
    };
    look();
  });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  // What is said last is heard a frame later.
  const heard = () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
  await expect.poll(async () => (await heard()).at(-1)).toBe('Lexicon is ready.');
  expect((await heard()).filter((each) => each !== 'Looking for the model')).toEqual([
    'Downloading the model',
    'Preparing your GPU',
    'Lexicon is ready.',
  ]);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('the page still says what it is, and what it needs', async ({ page }) => {
    await page.goto('/');
    await expect(page.getByText('a pocket dictionary you can talk to')).toBeVisible();
    // By its class: Playwright looks for no text inside <noscript>.
    const notice = page.locator('noscript .notice');
    await expect(notice).toBeVisible();
    await expect(notice).toContainText('Allow JavaScript for this site');
    await expect(page.locator('.late')).toBeHidden();
  });
});
