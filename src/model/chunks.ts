/** Tokens of a pass over a prompt, where nobody says another number. */
export const DEFAULT_CHUNK_TOKENS = 256;

/**
 * The passes that a prompt is read in, as pairs of first token and end.
 * @param cuts tokens of the prompt after which a pass has to end, in order
 */
export function chunksOf(total: number, chunkTokens: number, cuts: readonly number[] = []): [number, number][] {
  const chunks: [number, number][] = [];
  let first = 0;
  for (const end of [...cuts.filter((cut) => cut > 0 && cut < total), total]) {
    for (; first < end; first = chunks.at(-1)![1]) chunks.push([first, Math.min(first + chunkTokens, end)]);
  }
  return chunks;
}
