import type { PeersOptions } from './options.ts';

/** A figure of a runtime: the median of its runs, or why there is none. */
export type Figure = { seconds: number; runs: number[] } | { error: string };

/** What was measured of one runtime with one model. */
export interface RuntimeResult {
  /** `bamba-web`, or the package with its version. */
  name: string;
  /** How its matrices and activations are stored. */
  format: string;
  /** What computed; null where it did not get that far. */
  backend: string | null;
  /** Bytes of weights that it was given. */
  bytes: number;
  /**
   * How far its logits are from ours on a small model with the same weights. It is the root mean square of the
   * difference over that of ours, both but for a constant. Null for ours, and where it gave none.
   */
  difference: number | null;
  /** From bytes in memory to a runtime that could answer. */
  load: Figure;
  /** From then to the first token after a prompt of 16, compiling included. */
  firstToken: Figure;
  /** Until the token after a prompt of so many. */
  prefill: { tokens: number; figure: Figure }[];
  /** Of a token after so many. */
  decode: { context: number; figure: Figure }[];
  /** Null where nothing is dispatched to a GPU, or it was not counted. */
  dispatchesPerToken: number | null;
}

/** A model, and all runtimes that were given it. */
export interface PeersModelResult {
  name: string;
  runtimes: RuntimeResult[];
}

/** The result of a whole run: what the page hands out as JSON. */
export interface PeersResult {
  format: 'bamba-web-peers';
  version: 1;
  date: string;
  userAgent: string;
  adapter: { vendor: string; architecture: string; device: string; description: string };
  features: string[];
  /** Whether runtimes on the CPU can have threads: the server has to send the headers for it. */
  crossOriginIsolated: boolean;
  options: PeersOptions;
  models: PeersModelResult[];
}
