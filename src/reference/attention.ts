import { at, rowCount, type Values } from './values.ts';

/** Grouped-query attention: query head h reads KV head floor(h / (heads / kvHeads)). */
export interface AttentionDims {
  heads: number;
  /** J */
  kvHeads: number;
  headDim: number;
  /** Multiplies the scores. */
  scale: number;
}

/**
 * y[t, h] = sum_j softmax_j(scale * q[t, h] . k[j]) v[j] over the keys j <= position + t.
 * @param q (T, heads, headDim), rotated, its first token at `position`
 * @param keys (at least position + T, J, headDim), rotated
 * @param values as keys
 */
export function attention(
  q: Values,
  keys: Values,
  values: Values,
  { heads, kvHeads, headDim, scale }: AttentionDims,
  position: number,
): Float64Array {
  const T = rowCount(q, heads * headDim);
  const y = new Float64Array(T * heads * headDim);
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = Math.floor(h / (heads / kvHeads));
      const query = (t * heads + h) * headDim;
      const scores = Float64Array.from({ length: position + t + 1 }, (_, j) => {
        let dot = 0;
        for (let i = 0; i < headDim; i++) dot += at(q, query + i) * at(keys, (j * kvHeads + kvHead) * headDim + i);
        return scale * dot;
      });
      const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
      const weights = scores.map((score) => Math.exp(score - highest));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let j = 0; j < weights.length; j++) {
        const weight = at(weights, j) / total;
        for (let i = 0; i < headDim; i++) {
          y[query + i] = at(y, query + i) + weight * at(values, (j * kvHeads + kvHead) * headDim + i);
        }
      }
    }
  }
  return y;
}
