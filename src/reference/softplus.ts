/** log(1 + e^x), without overflow for large x or cancellation for very negative x. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Limits of dt after softplus; `hi` null is no upper limit. */
export interface TimeStepLimit {
  lo: number;
  hi: number | null;
}

/** dt of a head: clamp(softplus(raw + bias), lo, hi). */
export function timeStep(raw: number, bias: number, limit: TimeStepLimit): number {
  return Math.min(Math.max(softplus(raw + bias), limit.lo), limit.hi ?? Infinity);
}
