// Work in small pieces: what takes long is a generator that stops now and then, and whoever runs it decides what happens
// meanwhile.

import { BambaError } from '../../errors.ts';

/** Work that can be stopped after every few thousand characters. */
export type Work<Result> = Generator<void, Result, void>;

/** How long work may keep a thread from hearing of other things. */
const SLICE_MS = 8;

/** Does work at once. */
export function finish<Result>(work: Work<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Does work in slices of a few milliseconds, between which the thread hears of messages and events.
 *
 * @param signal ends the work
 * @throws BambaError `aborted`, and what the work throws
 */
export async function finishInSlices<Result>(work: Work<Result>, signal?: AbortSignal): Promise<Result> {
  for (;;) {
    if (signal?.aborted) throw new BambaError('aborted', 'The request was aborted.', { cause: signal.reason });
    const end = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done === true) return step.value;
    } while (performance.now() < end);
    await turn();
  }
}

/** Lets the thread hear of what came meanwhile. A timer would wait for four milliseconds each time. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}
