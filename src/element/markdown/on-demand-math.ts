// TeX to MathML with its worker, in a file of its own: only formulas in answers need it.

import MathWorker from './math-worker.ts?worker&inline';

/** Starts the worker. */
export function startMathWorker(): Worker {
  return new MathWorker({ name: 'bamba-web formulas' });
}
