import type { RgLruDims } from '../../kernels/rg_lru/rg-lru-shape.ts';
import { randomTensor } from '../arbitrary.ts';

// Real-gated linear recurrent units of small sizes.

/** Odd widths, and the head of RecurrentGemma. */
export const RG_LRU_SHAPES: readonly RgLruDims[] = [
  { width: 96, heads: 4 },
  { width: 140, heads: 2 },
  { width: 256, heads: 1 },
];

/** Random weights: gates of the sizes that trained models have, and decays from hardly any to nearly all. */
export function rgLruWeights(seed: number, { width, heads }: RgLruDims) {
  const D = width / heads;
  return {
    gates: randomTensor(seed, 2 * width * D, 1 / Math.sqrt(D)),
    vectors: randomTensor(seed + 1, 3 * width, 1).map((value, index) => (index < 2 * width ? value : 2 * value - 3)),
  };
}
