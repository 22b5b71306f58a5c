// The highlighter with its worker, in a file of its own: only code in answers needs it.

import CodeWorker from './code-worker.ts?worker&inline';

/** Starts the worker. */
export function startCodeWorker(): Worker {
  return new CodeWorker({ name: 'bamba-web code' });
}
