import type { Architecture } from '../../architecture/architecture.ts';
import type { Runtime } from './contender.ts';
import type { PeerScheme } from './random-model.ts';

/** Small, but with all that models have: both mixers, half-rotated heads, and widths that every kernel takes. */
const ARCHITECTURE: Architecture = {
  family: 'bamba',
  vocabSize: 512,
  hiddenSize: 128,
  intermediateSize: 256,
  blocks: [
    [['mamba2'], ['swiglu']],
    [['attention'], ['swiglu']],
    [['mamba2'], ['swiglu']],
  ],
  mamba2: {
    heads: 8,
    headDim: 32,
    stateSize: 32,
    groups: 1,
    convWidth: 4,
    normGroups: 1,
    dtLimit: { lo: 0, hi: null },
  },
  attention: {
    heads: 4,
    kvHeads: 2,
    headDim: 32,
    scale: 1 / Math.sqrt(32),
    rope: {
      dims: 16,
      inverseFrequencies: Array.from({ length: 8 }, (_, pair) => 10_000 ** (-pair / 8)),
      attentionFactor: 1,
    },
  },
  normEps: 1e-5,
  tiedHead: false,
  embeddingScale: 1,
  logitScale: 1,
  maxPositions: 4096,
};

/** Ids that every runtime's vocabulary has as text. */
const IDS = [301, 265, 309, 400, 317, 300, 444, 312];

/** A runtime's logits of the small model after the prompt that all are asked about. */
export async function checkedLogits(runtime: Runtime, scheme: PeerScheme): Promise<Float32Array> {
  const load = await runtime.prepare({ architecture: ARCHITECTURE, scheme, contextLength: 128 });
  const contender = await load();
  try {
    return await contender.logits(IDS);
  } finally {
    await contender.dispose();
  }
}

/**
 * How far a runtime's logits are from `reference`: root mean square of the difference over that of the reference. Both
 * are less their mean over the ids that the runtime told.
 */
export async function logitDifference(
  runtime: Runtime,
  scheme: PeerScheme,
  reference: Promise<Float32Array>,
): Promise<number> {
  const ours = await reference;
  return relativeDifference(await checkedLogits(runtime, scheme), ours);
}

/** As `logitDifference`, of logits; NaN stands for one that was not told. */
export function relativeDifference(logits: Float32Array, reference: Float32Array): number {
  const told = Array.from(logits.keys()).filter((id) => !Number.isNaN(logits[id]));
  const mean = (values: Float32Array) => told.reduce((sum, id) => sum + values[id]!, 0) / told.length;
  const [theirMean, ourMean] = [mean(logits), mean(reference)];
  let squares = 0;
  let ourSquares = 0;
  for (const id of told) {
    const ours = reference[id]! - ourMean;
    squares += (logits[id]! - theirMean - ours) ** 2;
    ourSquares += ours ** 2;
  }
  return Math.sqrt(squares / ourSquares);
}
