// What only code in answers needs, in a file of its own: the highlighter, with its worker.

import CodeWorker from './code-worker.ts?worker&inline';

/** Starts the worker. */
export function startCodeWorker(): Worker {
  return new CodeWorker({ name: 'bamba-web code' });
}
