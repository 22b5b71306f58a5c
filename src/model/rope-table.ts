import type { Rope } from '../architecture/architecture.ts';

/** Bytes of the table of so many positions. */
export function ropeTableBytes(rope: Rope | null, positions: number): number {
  return rope ? positions * rope.dims * 4 : 8;
}

/**
 * cos and sin of position times inverse frequency, times the attention factor: (positions, dims/2, 2) f32.
 * The angle is rounded to f32 before the cosine, as transformers computes it: models were trained with these values.
 */
export function ropeTable(rope: Rope | null, positions: number): Float32Array<ArrayBuffer> {
  if (!rope) return new Float32Array(2);
  const half = rope.dims / 2;
  const table = new Float32Array(positions * rope.dims);
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < half; pair++) {
      const angle = Math.fround(position * Math.fround(rope.inverseFrequencies[pair]!));
      const at = (position * half + pair) * 2;
      table[at] = Math.cos(angle) * rope.attentionFactor;
      table[at + 1] = Math.sin(angle) * rope.attentionFactor;
    }
  }
  return table;
}
