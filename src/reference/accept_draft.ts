/** What comes of a pass over several positions. */
interface Acceptance {
  /** Tokens of the answer that the pass gives. */
  tokens: number[];
  /** Whether the answer has ended with the last of them. */
  ended: boolean;
}

/**
 * The tokens that a pass over the last token and some drafts gives: from each position in turn one is sampled, as long as all
 * before it are the drafts that the positions behind them were fed, and the answer has not ended.
 * @param drafts of the positions behind the first
 * @param sampled what each position would give
 * @param ends whether a token, the n-th of the pass, ends the answer
 */
export function acceptDrafts(
  drafts: readonly number[],
  sampled: readonly number[],
  ends: (token: number, n: number) => boolean = () => false,
): Acceptance {
  const tokens: number[] = [];
  for (const [position, token] of sampled.entries()) {
    tokens.push(token);
    if (ends(token, position)) return { tokens, ended: true };
    if (drafts[position] !== token) break;
  }
  return { tokens, ended: false };
}
