// The worker's side of `HelperWorker`: an answer to each message.

import type { HelperFailure } from './helper-worker.ts';

/** As much of the worker's world as is used here: TypeScript has it apart from a page's. */
interface WorkerWorld {
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  postMessage(message: unknown, options: { transfer: Transferable[] }): void;
}

declare const self: WorkerWorld;

/** Answers all messages from now on. A request that throws, or gives undefined, cannot be answered. */
export function answerWith(answer: (request: never) => unknown): void {
  self.addEventListener('message', ({ data }) => {
    let reply: unknown;
    try {
      reply = answer(data as never);
    } catch {
      reply = undefined;
    }
    self.postMessage(reply ?? ({ failed: true } satisfies HelperFailure), { transfer: [] });
  });
}
