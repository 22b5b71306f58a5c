// Cuts a text at matches of a pattern, in the ways that tokenizer.json knows.

/** The ways to treat a match. */
export const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;

export type Behavior = (typeof BEHAVIORS)[number];

/** A stretch of a text. */
interface Stretch {
  start: number;
  end: number;
  readonly isMatch: boolean;
}

/**
 * The pieces of a text, none of them empty.
 *
 * @param matches start and end of each by turns, ascending
 * @param inverted what lies between matches counts as the matches
 * @returns the pieces, and whether the first one begins where the text does
 */
export function splitAtMatches(
  text: string,
  matches: readonly number[],
  behavior: Behavior,
  inverted: boolean,
): { pieces: string[]; fromStart: boolean } {
  const stretches = merged(stretchesOf(text, matches, inverted), behavior).filter(
    ({ start, end, isMatch }) => end > start && !(behavior === 'Removed' && isMatch),
  );
  return { pieces: stretches.map(({ start, end }) => text.slice(start, end)), fromStart: stretches[0]?.start === 0 };
}

function stretchesOf(text: string, matches: readonly number[], inverted: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  let last = 0;
  for (let i = 0; i < matches.length; i += 2) {
    const start = matches[i]!;
    const end = matches[i + 1]!;
    if (start !== last) stretches.push({ start: last, end: start, isMatch: inverted });
    stretches.push({ start, end, isMatch: !inverted });
    last = end;
  }
  if (last !== text.length) stretches.push({ start: last, end: text.length, isMatch: inverted });
  return stretches;
}

function merged(stretches: Stretch[], behavior: Behavior): Stretch[] {
  if (behavior === 'Removed' || behavior === 'Isolated') return stretches;
  const result: Stretch[] = [];
  // Before the first one stands what is no match.
  let previousMatches = false;
  const backwards = behavior === 'MergedWithNext';
  for (const stretch of backwards ? stretches.toReversed() : stretches) {
    const last = result.at(-1);
    const joins = behavior === 'Contiguous' ? stretch.isMatch === previousMatches : stretch.isMatch && !previousMatches;
    if (!last || !joins) result.push({ ...stretch });
    else if (backwards) last.start = stretch.start;
    else last.end = stretch.end;
    previousMatches = stretch.isMatch;
  }
  return backwards ? result.toReversed() : result;
}
