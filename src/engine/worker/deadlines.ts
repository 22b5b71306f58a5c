// How long the page waits for the engine's worker. Computing has no deadline, only an abort. A slow adapter may take
// seconds for a part of a prompt, and minutes for all programs of a model. Questions to an idle worker have one, and so
// has every end.

import { TRIES } from '../recovery.ts';

/** Milliseconds. */
export interface Deadlines {
  /** Between two looks at the worker. Looks are counted, not time: a machine that slept meanwhile has waited for nothing. */
  tick: number;
  /** From its start to its first answer: a worker in a file of its own may come over a slow network. */
  start: number;
  /** For an idle worker to notice a question. It has nothing to do but that; a crowded machine may take a while. */
  notice: number;
  /**
   * The longest silence after it was asked to stop: a worker that computes on the GPU answers between two submissions.
   */
  silence: number;
  /** For work to end after it was asked to, where the worker answers: the GPU still has what was submitted. */
  stop: number;
  /** For the next question to wait for that. */
  busy: number;
  /** Before each try to start another worker, after one broke down. */
  again: readonly number[];
  /** A worker that has been well for so long may break down as often again. */
  calm: number;
  /** For the worker to put away what a load has brought, or to give the GPU back, before it is ended anyhow. */
  end: number;
}

export const DEADLINES: Readonly<Deadlines> = {
  tick: 500,
  start: 20_000,
  notice: 10_000,
  silence: 3000,
  stop: 5000,
  busy: 30_000,
  again: TRIES.pauses,
  calm: TRIES.calm,
  end: 2000,
};
