import { softCap } from './soft_cap.ts';
import { at, rowCount, type Values } from './values.ts';

/** Grouped-query attention: query head h reads KV head floor(h / (heads / kvHeads)). */
export interface AttentionDims {
  heads: number;
  /** J */
  kvHeads: number;
  headDim: number;
  /** Multiplies the scores. */
  scale: number;
  /** Latest keys that a query sees, its own among them; all where it is absent. */
  window?: number;
  /** Scores s become cap * tanh(s / cap); as they are where it is absent. */
  scoreCap?: number;
}

/**
 * y[t, h] = sum_j softmax_j(scale * q[t, h] . k[j]) v[j] over the keys j <= position + t, with a window W over those of
 * them that are later than position + t - W.
 * @param q (T, heads, headDim), rotated, its first token at `position`
 * @param keys (at least position + T, J, headDim), rotated
 * @param values as keys
 * @param sinks (heads), scores that take part in the softmax and have no value
 */
export function attention(
  q: Values,
  keys: Values,
  values: Values,
  { heads, kvHeads, headDim, scale, window = Infinity, scoreCap }: AttentionDims,
  position: number,
  sinks?: Values,
): Float64Array {
  const T = rowCount(q, heads * headDim);
  const y = new Float64Array(T * heads * headDim);
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < heads; h++) {
      const kvHead = Math.floor(h / (heads / kvHeads));
      const query = (t * heads + h) * headDim;
      const first = Math.max(0, position + t + 1 - window);
      const raw = Float64Array.from({ length: position + t + 1 - first }, (_, index) => {
        const j = first + index;
        let dot = 0;
        for (let i = 0; i < headDim; i++) dot += at(q, query + i) * at(keys, (j * kvHeads + kvHead) * headDim + i);
        return scale * dot;
      });
      const scores = scoreCap === undefined ? raw : softCap(raw, scoreCap);
      const sink = sinks ? at(sinks, h) : -Infinity;
      const highest = scores.reduce((most, score) => Math.max(most, score), sink);
      const weights = scores.map((score) => Math.exp(score - highest));
      const total = weights.reduce((sum, weight) => sum + weight, Math.exp(sink - highest));
      for (let j = 0; j < weights.length; j++) {
        const weight = at(weights, j) / total;
        for (let i = 0; i < headDim; i++) {
          y[query + i] = at(y, query + i) + weight * at(values, ((first + j) * kvHeads + kvHead) * headDim + i);
        }
      }
    }
  }
  return y;
}
