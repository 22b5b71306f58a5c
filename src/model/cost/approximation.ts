import { type Architecture, hasBranch } from '../../architecture/architecture.ts';

// Costs on the back of an envelope, for a transformer in the shape of Llama 3.1 8B and a hybrid in the shape of
// Bamba-9B. Their MLPs are 3.5 times as wide as the model. Four query heads share a key. Mixers have an inner width of
// twice the model's. Embedding and head do not count.

/** A cost in numbers and operations, as far as the approximation knows of it. */
export interface Approximation {
  /** Numbers of weights. */
  weights: number;
  /** Numbers of 16 bits of states that do not grow, of all sequences: one of f32 counts twice. */
  state: number;
  /** Numbers of keys and values, of all sequences. */
  keysAndValues: number;
  /** Operations of reading a prompt of all tokens. */
  prefillFlops: number;
  /** Operations of one token of each sequence behind it. */
  decodeFlops: number;
}

/** @param batch sequences (b) @param tokens of each (s) */
export interface ApproximationShape {
  batch: number;
  tokens: number;
}

/**
 * The approximation for a model of attention with a gated MLP, or for a hybrid of that with Mamba-2; null for others.
 */
export function approximate(
  { hiddenSize: h, blocks, mamba2, attention, moe }: Architecture,
  { batch: b, tokens: s }: ApproximationShape,
): Approximation | null {
  const layers = blocks.length;
  const count = (kind: 'attention' | 'mamba2') => blocks.filter((block) => hasBranch([block], kind)).length;
  const ofAttention = count('attention');
  const ofSsd = count('mamba2');
  const isPlain = blocks.every(
    (block) => block.length === 2 && block[0]!.length === 1 && block[1]!.join() === 'swiglu',
  );
  if (moe || !attention || !isPlain || ofAttention + ofSsd !== layers) return null;
  const isHybrid = ofSsd > 0;
  // d: the width of a head of attention, and the state of a channel.
  const d = mamba2?.stateSize ?? attention.headDim;
  const [weights, operations] = isHybrid ? [15.5, 31] : [13, 26];
  return {
    weights: weights * h * h * layers,
    state: 4 * b * d * h * ofSsd,
    keysAndValues: 0.5 * b * s * h * ofAttention,
    prefillFlops: operations * b * s * h * h * layers + 4 * b * s * s * h * ofAttention + 4 * b * s * d * h * ofSsd,
    decodeFlops: operations * b * h * h * layers + 4 * b * s * h * ofAttention + 4 * b * d * h * ofSsd,
  };
}
