// The GPU's process dies: whatever the engine is doing goes on when the GPU is there again, and answers are as without. Each
// test has a browser of its own, as the browser counts how often that process died, and refuses the GPU in the end.

import { type Browser, chromium, expect, type Page, test } from '@playwright/test';
import { CHROMIUM_FLAGS, chromiumPath } from '../src/testing/browser/chromium.ts';
import { every, times } from '../src/testing/extent.ts';
import { quickCheckpoint } from '../src/testing/models/quick-model.ts';
import { useHubPage } from './hub-page.ts';

const served = useHubPage(quickCheckpoint);

let browser: Browser;
let page: Page;
/** Errors that nobody caught, of the page and of its workers. */
let uncaught: string[];

/** @param flags besides those of all tests */
async function openBrowser(...flags: string[]): Promise<void> {
  browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_FLAGS, ...flags] });
  page = await browser.newPage();
  uncaught = [];
  page.on('pageerror', (error) => uncaught.push(String(error)));
  page.on('console', (message) => {
    if (/uncaught/i.test(message.text())) uncaught.push(message.text());
  });
  await page.goto(served.url);
  await page.exposeFunction('killed', killGpuProcess);
}
test.beforeEach(() => openBrowser());
test.afterEach(() => browser.close());

async function killGpuProcess(): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  // The command has no answer where the process dies first.
  await Promise.race([
    session.send('Browser.crashGpuProcess').catch(() => {}),
    new Promise((r) => setTimeout(r, 3000)),
  ]);
}

interface Outcome {
  /** The end of the answer, or its error. */
  end: string;
  text: string;
  /** The engine's end after it had loaded. */
  statuses: string[];
}

/** Loads a model, tells of `moment` when it comes, and asks something; says how it ends. */
async function run(moment: string): Promise<Outcome> {
  return page.evaluate(async (when) => {
    let at = '';
    let killed = false;
    let text = '';
    const statuses: string[] = [];
    const reach = async (name: string) => {
      at = name;
      // Once: a load that begins again comes by here again.
      if (name !== when || killed) return;
      killed = true;
      await (window as unknown as { killed: () => Promise<void> }).killed();
    };
    try {
      const engine = await window.bamba.createEngine({
        model: 'org/name',
        endpoint: location.origin,
        onProgress: ({ stage }) => void (at !== stage && reach(stage)),
      });
      engine.onStatus(({ status }) => void (statuses.at(-1) !== status && statuses.push(status)));
      try {
        await reach('idle');
        // Long enough to be read in two pieces, where that is the moment.
        const prompt = 'Well, what is it? '.repeat(25);
        for await (const event of engine.generate({ prompt, maxTokens: 300 })) {
          if (event.type === 'text') text += event.text;
          if (at !== event.type) await reach(event.type);
        }
        return { end: 'ended', text, statuses };
      } finally {
        await engine.dispose();
      }
    } catch (error) {
      return { end: `${(error as { code?: string }).code}: ${(error as Error).message}`, text, statuses };
    }
  }, moment);
}

/** How it ends where nobody kills anything: computed once. */
let undisturbed: Outcome | undefined;

for (const moment of every(2, ['weights', 'manifest', 'prefill', 'compile', 'text', 'idle'])) {
  test(`at ${moment}, and the answer is the same`, async () => {
    const expected = (undisturbed ??= await run('never'));
    expect(expected).toMatchObject({ end: 'ended', statuses: [] });
    const outcome = await run(moment);
    // A load that has no device yet has none to lose: it may ask for one while there is no process to give one.
    if (moment === 'manifest' && outcome.end !== 'ended') expect(outcome.end).toMatch(/^webgpu_unavailable: .{40}/);
    else expect(outcome).toMatchObject({ end: 'ended', text: expected.text });
    const loaded = ['idle', 'prefill', 'text'].includes(moment);
    if (loaded) expect(outcome.statuses).toEqual(['recovering', 'ready']);
    expect(await run('never')).toEqual(expected);
    expect(uncaught).toEqual([]);
  });
}

/** Chromium refuses the GPU from the second on. */
const TIMES = times(5, 3);

test(`${TIMES} times in a row, each ends, and a GPU that is refused says how to get it back`, async () => {
  // So many loads and as many again, on a processor that plays the GPU.
  test.setTimeout(900_000);
  const expected = (undisturbed ??= await run('never'));
  const outcomes: Outcome[] = [];
  for (let time = 0; time < TIMES; time++) outcomes.push(await run('text'));
  for (const { end, text } of outcomes) {
    if (end === 'ended') expect(text).toBe(expected.text);
    else expect(end).toMatch(/^webgpu_unavailable: .*reload the page, and if that does not help, restart the browser/);
  }
  expect(outcomes[0]!.end).toBe('ended');
  console.log(
    `GPU process killed ${TIMES} times: ${outcomes.filter(({ end }) => end === 'ended').length} answers whole`,
  );
  expect(uncaught).toEqual([]);
});

/** With these, Chromium gives a GPU however often its process has died. */
const PATIENT = ['--disable-gpu-process-crash-limit', '--disable-domain-blocking-for-3d-apis'];

test(`${TIMES} times in a row, in a browser that refuses no GPU, every answer is whole`, async () => {
  test.setTimeout(900_000);
  await browser.close();
  await openBrowser(...PATIENT);
  const expected = (undisturbed ??= await run('never'));
  for (let time = 0; time < TIMES; time++) {
    expect(await run('text'), `time ${time}`).toEqual({ ...expected, statuses: ['recovering', 'ready'] });
  }
  expect(uncaught).toEqual([]);
});
