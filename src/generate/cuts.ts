// Where reading a prompt stops for a moment so that a state can be kept: a pure function.

import type { StateKind } from './eviction.ts';

/**
 * Tokens that are not worth a state of their own. A pass over a few tokens takes nearly as long as one over so many. So
 * reading them again with the new ones costs nothing.
 */
export const NEAR_TOKENS = 32;

/** A place in a prompt at which a state is kept. */
export interface Cut {
  /** Tokens of the prompt before it. */
  readonly at: number;
  readonly kind: StateKind;
}

/** The known facts about a prompt before it is read. */
export interface Reading {
  /** Tokens that are read already. */
  from: number;
  /** Tokens of the prompt. */
  total: number;
  /** Tokens of a pass. */
  chunk: number;
  /** Where the first user's message begins; null where that is not known. */
  opening: number | null;
  /** Where the last user's message begins; null where that is not known. */
  start: number | null;
  /** Where the header of the answer begins; null where that is not known, `total` where there is none. */
  end: number | null;
  /** Where it leaves what was known. */
  junction: number | null;
}

/**
 * Where to keep states on the way, in order, none at the very end. Each place that is no end of a pass anyway costs a pass.
 * So there are at most three places that conversations return to, and none of them is close behind another. A long prompt
 * has rungs besides, at growing distances: a prompt that leaves it in the middle reads half of the way again at most. They
 * cost no pass, and together no more memory for keys and values than the prompt itself twice.
 */
export function cutsOf({ from, total, chunk, opening, start, end, junction }: Reading): Cut[] {
  const cuts: Cut[] = [];
  const near = (at: number) => [from, ...cuts.map((cut) => cut.at)].some((one) => one <= at && at - one <= NEAR_TOKENS);
  const cut = (at: number | null, kind: StateKind) => {
    if (at !== null && at > from && at < total && !near(at)) cuts.push({ at, kind });
  };
  cut(opening, 'opening');
  cut(start, 'start');
  cut(junction, 'junction');
  if (end !== null && end > from && end < total) {
    const same = cuts.findIndex(({ at }) => at === end);
    cuts.splice(same < 0 ? cuts.length : same, 1, { at: end, kind: 'prompt' });
  }
  cuts.sort((a, b) => a.at - b.at);
  return [...cuts, ...rungs(from, total, chunk, cuts)].toSorted((a, b) => a.at - b.at);
}

/** Ends of passes at twice the distance each, from two passes on; none within a pass of a place that is kept anyway. */
function rungs(from: number, total: number, chunk: number, cuts: readonly Cut[]): Cut[] {
  const found: Cut[] = [];
  let target = 2 * chunk;
  const passed = (at: number) => {
    while (target <= at) target *= 2;
  };
  let begin = from;
  for (const end of [...cuts.map(({ at }) => at), total]) {
    passed(begin);
    for (let at = begin + chunk; at <= end - chunk; at += chunk) {
      if (at < target) continue;
      found.push({ at, kind: 'rung' });
      passed(at);
    }
    begin = end;
  }
  return found;
}
