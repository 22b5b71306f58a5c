import { describe, expect, it } from 'vitest';
import type { Architecture } from '../architecture/architecture.ts';
import { checkArchitecture } from './dims.ts';

const mamba2 = {
  heads: 128,
  headDim: 64,
  stateSize: 128,
  groups: 1,
  convWidth: 4,
  normGroups: 1,
  dtLimit: { lo: 0, hi: null },
};
const attention = { heads: 32, kvHeads: 8, headDim: 128, scale: 1 / Math.sqrt(128), rope: null };
const bamba: Architecture = {
  family: 'bamba',
  vocabSize: 128_256,
  hiddenSize: 4096,
  intermediateSize: 14_336,
  tiedHead: false,
  blocks: [
    [['mamba2'], ['swiglu']],
    [['attention'], ['swiglu']],
  ],
  mamba2,
  attention,
  normEps: 1e-5,
  embeddingScale: 1,
  logitScale: 1,
  maxPositions: 4096,
};

describe('checkArchitecture', () => {
  it.each<[string, Partial<Architecture>]>([
    ['hidden size, 4098,', { hiddenSize: 4098 }],
    ['intermediate size, 14333,', { intermediateSize: 14_333 }],
    ['Mamba head dimension, 62,', { mamba2: { ...mamba2, headDim: 62 } }],
    ['state size, 126,', { mamba2: { ...mamba2, stateSize: 126 } }],
    ['state size, 260, is above 256', { mamba2: { ...mamba2, stateSize: 260 } }],
    ['3 groups of its gated norm', { mamba2: { ...mamba2, normGroups: 3 } }],
    ['convolution is 3 wide', { mamba2: { ...mamba2, convWidth: 3 } }],
    ['attention head dimension, 130,', { attention: { ...attention, headDim: 130 } }],
    ['attention head dimension, 260, is above 256', { attention: { ...attention, headDim: 260 } }],
    ['136 query heads, more than 128', { attention: { ...attention, heads: 136 } }],
    ['64 query heads share a key head', { attention: { ...attention, heads: 64, kvHeads: 1 } }],
  ])('says that it cannot run a model whose %s', (message, change) => {
    expect(() => checkArchitecture({ ...bamba, ...change })).toThrow(
      expect.objectContaining({ code: 'unsupported_model', message: expect.stringContaining(message) as string }),
    );
  });

  it('allows the most that kernels hold', () => {
    const most = {
      mamba2: { ...mamba2, stateSize: 256 },
      attention: { ...attention, heads: 128, kvHeads: 16, headDim: 256 },
    };
    expect(() => checkArchitecture({ ...bamba, ...most })).not.toThrow();
    expect(() => checkArchitecture({ ...bamba, mamba2: null, attention: null })).not.toThrow();
  });
});
