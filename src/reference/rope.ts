import { at, rowCount, type Values } from './values.ts';

/** Rotation of the first `dims` dimensions of a head; see Su et al. 2021. */
export interface RotaryEmbedding {
  dims: number;
  /** (dims / 2) */
  inverseFrequencies: Values;
  /** Multiplies cos and sin. */
  attentionFactor: number;
}

/** cos and sin of positions 0 .. positions - 1: (positions, dims / 2, 2). */
export function ropeTable({ dims, inverseFrequencies, attentionFactor }: RotaryEmbedding, positions: number) {
  const half = dims / 2;
  const table = new Float64Array(positions * half * 2);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * at(inverseFrequencies, i);
      table[(position * half + i) * 2] = Math.cos(angle) * attentionFactor;
      table[(position * half + i) * 2 + 1] = Math.sin(angle) * attentionFactor;
    }
  }
  return table;
}

/**
 * Rotates pairs (i, i + dims/2) of each head by the angle position * inverseFrequencies[i]:
 * (u, v) -> (u cos - v sin, v cos + u sin). Dimensions from `dims` on stay as they are.
 * @param x (T, heads, headDim), the first token at `position`
 */
export function rope(
  x: Values,
  embedding: RotaryEmbedding | null,
  { heads, headDim, position }: { heads: number; headDim: number; position: number },
): Float64Array {
  const out = Float64Array.from(x);
  if (!embedding) return out;
  const half = embedding.dims / 2;
  const T = rowCount(x, heads * headDim);
  const table = ropeTable(embedding, position + T);
  for (let t = 0; t < T; t++) {
    for (let head = 0; head < heads; head++) {
      const first = (t * heads + head) * headDim;
      for (let i = 0; i < half; i++) {
        const cos = at(table, ((position + t) * half + i) * 2);
        const sin = at(table, ((position + t) * half + i) * 2 + 1);
        const [low, high] = [at(x, first + i), at(x, first + i + half)];
        out[first + i] = low * cos - high * sin;
        out[first + i + half] = high * cos + low * sin;
      }
    }
  }
  return out;
}
