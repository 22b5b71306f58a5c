import type { Architecture, AttentionShape, Block, MoeShape } from '../architecture/architecture.ts';

// Shapes of models that are measured without their weights. Those of Granite 4.0-H have Bamba's formulas, without
// Granite's four scalar factors: these take no time that could be measured.

function attention(heads: number, kvHeads: number, headDim: number, ropeDims: number, base = 10_000): AttentionShape {
  const frequency = (_: unknown, pair: number) => Math.fround(base ** ((-2 * pair) / ropeDims));
  const inverseFrequencies = Array.from({ length: ropeDims / 2 }, frequency);
  return {
    heads,
    kvHeads,
    headDim,
    scale: 1 / Math.sqrt(headDim),
    rope: ropeDims > 0 ? { dims: ropeDims, inverseFrequencies, attentionFactor: 1 } : null,
  };
}

function hybrid(
  blocks: number,
  attentionBlocks: readonly number[],
  widths: Pick<Architecture, 'vocabSize' | 'hiddenSize' | 'intermediateSize' | 'tiedHead'>,
  mamba2: { heads: number; headDim: number; stateSize: number },
  attentionShape: AttentionShape,
): Architecture {
  const block = (_: unknown, index: number): Block => [
    [attentionBlocks.includes(index) ? 'attention' : 'mamba2'],
    ['swiglu'],
  ];
  return {
    family: 'bamba',
    ...widths,
    blocks: Array.from({ length: blocks }, block),
    mamba2: { ...mamba2, groups: 1, convWidth: 4, normGroups: 1, dtLimit: { lo: 0, hi: null } },
    attention: attentionShape,
    normEps: 1e-5,
    embeddingScale: 1,
    logitScale: 1,
    maxPositions: MOST_POSITIONS,
  };
}

/** A hybrid with a mixture of experts beside every MLP. */
function mixed(architecture: Architecture, moe: MoeShape): Architecture {
  const blocks = architecture.blocks.map(([mixer]): Block => [mixer!, ['swiglu', 'moe']]);
  return { ...architecture, family: 'granitemoehybrid', blocks, moe };
}

/** Speed at a length does not depend on what a model was trained for. */
const MOST_POSITIONS = 131_072;

/** Shapes by name. `tiny` only shows that the benchmark runs. */
export const SHAPES = {
  tiny: hybrid(
    3,
    [1],
    { vocabSize: 512, hiddenSize: 64, intermediateSize: 128, tiedHead: false },
    { heads: 4, headDim: 32, stateSize: 16 },
    attention(2, 1, 32, 16),
  ),
  lexicon: hybrid(
    12,
    [4, 10],
    { vocabSize: 12_288, hiddenSize: 384, intermediateSize: 1408, tiedHead: true },
    { heads: 12, headDim: 64, stateSize: 128 },
    attention(6, 2, 64, 32),
  ),
  'granite-h-350m': hybrid(
    32,
    [10, 13, 17, 27],
    { vocabSize: 100_352, hiddenSize: 768, intermediateSize: 2048, tiedHead: true },
    { heads: 48, headDim: 32, stateSize: 128 },
    attention(12, 4, 64, 0),
  ),
  'granite-h-1b': hybrid(
    40,
    [5, 15, 25, 35],
    { vocabSize: 100_352, hiddenSize: 1536, intermediateSize: 4096, tiedHead: true },
    { heads: 48, headDim: 64, stateSize: 128 },
    attention(12, 4, 128, 0),
  ),
  'granite-h-tiny': mixed(
    hybrid(
      40,
      [5, 15, 25, 35],
      { vocabSize: 100_352, hiddenSize: 1536, intermediateSize: 1024, tiedHead: true },
      { heads: 48, headDim: 64, stateSize: 128 },
      attention(12, 4, 128, 0),
    ),
    { experts: 64, topK: 6, intermediateSize: 512 },
  ),
  'bamba-1b': hybrid(
    24,
    [9, 18],
    { vocabSize: 128_256, hiddenSize: 2048, intermediateSize: 7168, tiedHead: false },
    { heads: 64, headDim: 64, stateSize: 128 },
    attention(16, 4, 128, 64),
  ),
  'bamba-9b': hybrid(
    32,
    [9, 18, 27],
    { vocabSize: 128_256, hiddenSize: 4096, intermediateSize: 14_336, tiedHead: false },
    { heads: 128, headDim: 64, stateSize: 128 },
    attention(32, 8, 128, 64),
  ),
  'llama-3.1-8b': {
    family: 'llama',
    vocabSize: 128_256,
    hiddenSize: 4096,
    intermediateSize: 14_336,
    blocks: Array.from({ length: 32 }, (): Block => [['attention'], ['swiglu']]),
    mamba2: null,
    attention: attention(32, 8, 128, 128, 500_000),
    normEps: 1e-5,
    tiedHead: false,
    embeddingScale: 1,
    logitScale: 1,
    maxPositions: MOST_POSITIONS,
  },
} satisfies Record<string, Architecture>;

export type ShapeName = keyof typeof SHAPES;

/** Whether there is a shape of this name. */
export function isShapeName(name: string): name is ShapeName {
  return Object.hasOwn(SHAPES, name);
}
