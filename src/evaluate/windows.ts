import type { ScoredSequence } from '../generate/perplexity.ts';

/** How a text is cut where it is longer than a window. */
export interface Windows {
  /** Tokens that the model reads at once, with the one that stands before the text: 2 or more. */
  size: number;
  /** Tokens that each window behind the first predicts: from 1 to `size` - 1. */
  stride: number;
}

/**
 * Cuts a text into windows in which each of its tokens is predicted once. The first one predicts as many as it can. The
 * others predict `stride` tokens each, with all those before them for which the window has room. With the largest stride
 * these are the rolling windows of lm-evaluation-harness.
 *
 * ```ts
 * textWindows([5, 6, 7], 1, { size: 3, stride: 2 }); // [1, 5, 6] predicts 5 and 6, [5, 6, 7] predicts 7
 * ```
 * @param ids of the text
 * @param begin the token that stands before it
 */
export function textWindows(ids: readonly number[], begin: number, { size, stride }: Windows): ScoredSequence[] {
  const all = [begin, ...ids];
  const windows: ScoredSequence[] = [];
  // Ends among all tokens, of which the first is predicted by nothing.
  for (let predicted = 1; predicted < all.length;) {
    const end = Math.min(all.length, predicted + (predicted === 1 ? size - 1 : stride));
    const first = Math.max(0, end - size);
    const answer = Array.from({ length: end - first }, (_, index) => (first + index >= predicted ? 1 : 0));
    windows.push({ ids: all.slice(first, end), answer });
    predicted = end;
  }
  return windows;
}
