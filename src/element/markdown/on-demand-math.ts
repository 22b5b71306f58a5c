// What only formulas in answers need, in a file of its own: TeX to MathML, with its worker.

import MathWorker from './math-worker.ts?worker&inline';

/** Starts the worker. */
export function startMathWorker(): Worker {
  return new MathWorker({ name: 'bamba-web formulas' });
}
