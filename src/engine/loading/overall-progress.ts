// How far loading is in all. The stages count different things, and none knows of the others; what they have in common is
// the time that they are known to take.

import type { LoadProgress } from '../protocol.ts';

/** A report without the share that is worked out here. */
export type StageProgress = Omit<LoadProgress, 'progress'>;

/** The known parts of a report. */
export type StageReport = Partial<StageProgress> & Pick<StageProgress, 'stage'>;

/** Seconds. A fast line and a usual disk: where both are slower, the share of the weights only becomes more right. */
const NETWORK_S_PER_BYTE = 1 / 12e6;
const STORAGE_S_PER_BYTE = 1 / 400e6;
const PROGRAM_S = 0.01;
/** All programs, while nobody has counted them: they are made while the weights come, so that few are left then. */
const PROGRAMS_S = 0.3;
/** From the last program to the end. Before the end there is always something left. */
const LAST_S = 0.05;

/**
 * Adds the stages up. Each report takes the same share off the rest of the bar as off the rest of the known work. So
 * the bar never goes back, not even where the work turns out to be more.
 */
export class OverallProgress {
  #share = 0;
  #left: number | null = null;

  /** @returns from 0 to 1; 1 for `ready` and for nothing else */
  after(report: StageProgress): number {
    if (report.stage === 'ready') return (this.#share = 1);
    const left = secondsLeft(report);
    if (left === null) return this.#share;
    const worked = this.#left === null ? 0 : Math.max(0, this.#left - left);
    this.#left = left;
    return (this.#share = Math.min(BEFORE_END, this.#share + (1 - this.#share) * (worked / (worked + left))));
  }
}

/** The largest number below 1. */
const BEFORE_END = 1 - Number.EPSILON / 2;

/** The work that is left, in seconds; null while nothing is known of it. */
function secondsLeft({ stage, loaded, total, source }: StageProgress): number | null {
  if (!(total > 0) || stage === 'manifest') return null;
  const rest = Math.max(0, total - loaded);
  if (stage === 'compile') return LAST_S + rest * PROGRAM_S;
  const perByte = source === 'storage' ? STORAGE_S_PER_BYTE : NETWORK_S_PER_BYTE;
  // The bytes that another tab has downloaded are read from storage then.
  const reading = stage === 'waiting' ? total * STORAGE_S_PER_BYTE : 0;
  return LAST_S + PROGRAMS_S + rest * perByte + reading;
}
