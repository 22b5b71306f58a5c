import { BambaError } from '../../errors.ts';

/** How far one place of a text is from its reference. */
export interface RowDivergence {
  /** Kullback-Leibler divergence from the reference, in nats. */
  kl: number;
  /** Whether both hold the same token for the likeliest. */
  agrees: boolean;
  /** Log-probability of an id in the reference, and in what is compared with it. */
  reference: (id: number) => number;
  logprob: (id: number) => number;
}

/**
 * Compares the logits of one place with those of the reference, both (V).
 *
 * @throws BambaError `gpu_failure` for logits that are no numbers
 */
export function rowDivergence(p: Float32Array, q: Float32Array): RowDivergence {
  const [of, to] = [summary(p), summary(q)];
  let kl = 0;
  for (let id = 0; id < p.length; id++) {
    const own = p[id]! - of.logTotal;
    const probability = Math.exp(own);
    // What has no probability adds none, whatever the other one says of it.
    if (probability > 0) kl += probability * (own - (q[id]! - to.logTotal));
  }
  if (!Number.isFinite(kl)) throw notFinite();
  return {
    // Rounding alone is below zero.
    kl: Math.max(0, kl),
    agrees: of.likeliest === to.likeliest,
    reference: (id) => p[id]! - of.logTotal,
    logprob: (id) => q[id]! - to.logTotal,
  };
}

function summary(logits: Float32Array): { logTotal: number; likeliest: number } {
  let likeliest = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[likeliest]!) likeliest = id;
  const largest = logits[likeliest]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return { logTotal: largest + Math.log(sum), likeliest };
}

function notFinite(): BambaError {
  return new BambaError(
    'gpu_failure',
    'The model computed logits that are no finite numbers. Its weights are damaged, or a kernel is wrong on this device.',
  );
}
