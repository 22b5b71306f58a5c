// The worker's side of `HelperWorker`: an answer to each message.

import type { HelperFailure } from './helper-worker.ts';

/** As much of the worker's world as is used here: TypeScript has it apart from a page's. */
interface WorkerWorld {
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  postMessage(message: unknown, options: { transfer: Transferable[] }): void;
}

declare const self: WorkerWorld;

/** Answers all messages from now on. What throws, and what is undefined, is a request that nobody can do anything with. */
export function answerWith<Request, Reply>(answer: (request: Request) => Reply | undefined): void {
  self.addEventListener('message', ({ data }) => {
    self.postMessage(attempt(answer, data as Request), { transfer: [] });
  });
}

function attempt<Request, Reply>(
  answer: (request: Request) => Reply | undefined,
  request: Request,
): Reply | HelperFailure {
  try {
    return answer(request) ?? { failed: true };
  } catch {
    return { failed: true };
  }
}
