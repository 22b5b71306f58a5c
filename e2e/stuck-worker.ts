// A worker that never comes back: the engine's own, unchanged, in a module that begins a loop without an end when the test
// says so. Nothing in the product knows of it.

import type { Page } from '@playwright/test';

declare global {
  interface Window {
    /** All that were started, in order. */
    started: Worker[];
  }
}

/** The word. */
export const NEVER_COME_BACK = 'never come back';

/** Has all workers of the page listen for the word. To be called before the page is opened. */
export async function preparePage(page: Page): Promise<void> {
  await page.addInitScript((word) => {
    window.started = [];
    window.Worker = class extends Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        const loop = "addEventListener('message', ({ data }) => { if (data === '" + word + "') for (;;); });";
        const code = `import ${JSON.stringify(String(url))};\n${loop}`;
        super(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), options);
        window.started.push(this);
      }
    };
  }, NEVER_COME_BACK);
}

/** From now on the last worker that was started does nothing else any more. */
export async function getStuck(page: Page): Promise<void> {
  await page.evaluate((word) => {
    const port: Pick<MessagePort, 'postMessage'> = window.started.at(-1)!;
    port.postMessage(word);
  }, NEVER_COME_BACK);
}
