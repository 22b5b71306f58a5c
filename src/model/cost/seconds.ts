import type { Work } from './work.ts';

// From work to time. Kernels of a step wait for each other and are short: each starts, reads, computes and drains, so
// times are added up. The true time is shorter where a GPU does several things at once, and longer where it falls short
// of its best rates.

/** The best rates of an adapter, see `measureCeilings` of the benchmark, and the time that starting a kernel takes. */
export interface Rates {
  /** Bytes a second. */
  readBytesPerS: number;
  /** Operations of f32 a second, a multiply-add being two. */
  flopsPerS: number;
  /** Seconds of a kernel that waits for the one before, besides reading and arithmetic. */
  startS: number;
}

/** Seconds of a pass, by what they are spent on. */
export interface PassSeconds {
  /** Reading weights. */
  weights: number;
  /** Reading and writing states that do not grow. */
  state: number;
  /** Reading keys and values. */
  keysAndValues: number;
  arithmetic: number;
  /** Starting kernels. */
  starts: number;
  total: number;
}

/** The possible bottlenecks of a pass. */
export type Bottleneck = Exclude<keyof PassSeconds, 'total'>;

/** Seconds of a pass that does this work in so many dispatches. */
export function passSeconds(work: Work, dispatches: number, { readBytesPerS, flopsPerS, startS }: Rates): PassSeconds {
  const weights = work.weights / readBytesPerS;
  const state = (2 * work.state) / readBytesPerS;
  const keysAndValues = work.keysAndValues / readBytesPerS;
  const arithmetic = work.flops / flopsPerS;
  const starts = dispatches * startS;
  return {
    weights,
    state,
    keysAndValues,
    arithmetic,
    starts,
    total: weights + state + keysAndValues + arithmetic + starts,
  };
}

/** The parts of a pass's time, in the order in which they are told. */
export const BOTTLENECKS = [
  'weights',
  'state',
  'keysAndValues',
  'arithmetic',
  'starts',
] as const satisfies readonly Bottleneck[];

/** The bottleneck: the part that takes most of the time. */
export function bottleneckOf(seconds: PassSeconds): Bottleneck {
  return BOTTLENECKS.reduce((most, part) => (seconds[part] > seconds[most] ? part : most));
}
