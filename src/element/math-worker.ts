// The worker that makes MathML of TeX.

import type { HelperFailure } from './helper-worker.ts';
import { texToMathml, type Formula, type Mathml } from './tex.ts';

globalThis.onmessage = ({ data }: MessageEvent<Formula>): void => {
  const mathml = texToMathml(data);
  const reply: Mathml | HelperFailure = mathml === undefined ? { failed: true } : { mathml };
  globalThis.postMessage(reply);
};
