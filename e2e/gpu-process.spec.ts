// The GPU's process dies: whatever the engine is doing ends with an error that says so, and nothing goes unheard. Each test
// has a browser of its own, as the browser counts how often that process died.

import { type Browser, chromium, expect, type Page, test } from '@playwright/test';
import { CHROMIUM_FLAGS, chromiumPath } from '../src/testing/chromium.ts';
import { quickCheckpoint } from '../src/testing/quick-model.ts';
import { useHubPage } from './hub-page.ts';

const served = useHubPage(quickCheckpoint);

/** What may be said: that the GPU is gone, or that there is none any more. */
const TYPED = /^(device_lost|webgpu_unavailable): .{40}/;

let browser: Browser;
let page: Page;
/** Errors that nobody caught, of the page and of its workers. */
let uncaught: string[];

test.beforeEach(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_FLAGS] });
  page = await browser.newPage();
  uncaught = [];
  page.on('pageerror', (error) => uncaught.push(String(error)));
  page.on('console', (message) => {
    if (/uncaught/i.test(message.text())) uncaught.push(message.text());
  });
  await page.goto(served.url);
});
test.afterEach(() => browser.close());

async function killGpuProcess(): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  // The command has no answer where the process dies first.
  await Promise.race([
    session.send('Browser.crashGpuProcess').catch(() => {}),
    new Promise((r) => setTimeout(r, 3000)),
  ]);
}

/** Loads a model, tells of `moment` when it comes, and asks something; says how it ends. */
async function run(moment: string): Promise<string> {
  return page.evaluate(async (when) => {
    let at = '';
    const reach = async (name: string) => {
      at = name;
      if (name === when) await (window as unknown as { killed: () => Promise<void> }).killed();
    };
    try {
      const engine = await window.bamba.createEngine({
        model: 'org/name',
        endpoint: location.origin,
        // A short context spares the programs that only longer prompts take; steps run ahead to its end.
        contextLength: ['prefill', 'text'].includes(when) ? 4096 : 32,
        onProgress: ({ stage }) => void (at !== stage && reach(stage)),
      });
      try {
        await reach('idle');
        // Long enough to be read in two pieces, where that is the moment.
        const prompt = 'Well, what is it? '.repeat(when === 'prefill' ? 25 : 1);
        for await (const event of engine.generate({ prompt, maxTokens: 60 })) {
          if (at !== event.type) await reach(event.type);
        }
        return 'ended';
      } finally {
        await engine.dispose();
      }
    } catch (error) {
      return `${(error as { code?: string }).code}: ${(error as Error).message}`;
    }
  }, moment);
}

test.beforeEach(() => page.exposeFunction('killed', killGpuProcess));

for (const moment of ['manifest', 'weights', 'compile', 'idle', 'prefill', 'text']) {
  test(`at ${moment}, and the page can load again`, async () => {
    // A load may be through before it notices, or have asked for the GPU after its process came back.
    expect(await run(moment)).toMatch(moment === 'manifest' ? /^ended|device_lost|webgpu_unavailable/ : TYPED);
    expect(await run('never')).toBe('ended');
    expect(uncaught).toEqual([]);
  });
}

test('five times in a row, each ends, and a GPU that is refused says how to get it back', async () => {
  // Five loads, on a processor that plays the GPU.
  test.setTimeout(600_000);
  const ends: string[] = [];
  for (let time = 0; time < 5; time++) {
    ends.push(await run('idle'));
    expect(ends.at(-1)).toMatch(TYPED);
  }
  const refused = ends.filter((end) => end.startsWith('webgpu_unavailable'));
  for (const end of refused) expect(end).toMatch(/reload the page, and if that does not help, restart the browser/);
  expect(uncaught).toEqual([]);
});
