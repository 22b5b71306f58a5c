import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import { mamba2Tensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { MOST_LAYERS } from '../layer-types.ts';
import { expandedWidth, readMamba2, requireFixed } from '../mamba2-config.ts';
import { modelTensors } from '../model-tensors.ts';

// model_type `mamba2`: blocks of a Mamba-2 mixer alone, without attention and MLPs: mamba2-130m to 2.7b, Codestral Mamba.

const FIELDS = {
  heads: 'num_heads',
  headDim: 'head_dim',
  stateSize: 'state_size',
  groups: 'n_groups',
  convWidth: 'conv_kernel',
};

/** A recurrence has no longest sequence; host memory for token ids sets one. */
const POSITIONS = 2 ** 20;

/**
 * Codestral Mamba, by its shape. It was trained with a gated norm for each of its groups. transformers takes the whole
 * width at once, which is wrong for this model, and is kept for all others.
 */
const CODESTRAL = { hidden_size: 4096, num_hidden_layers: 64, n_groups: 8, vocab_size: 32_768 };

/**
 * Architecture that the config of a Mamba-2 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu' });
  const hiddenSize = config.count('hidden_size');
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const isCodestral = Object.entries(CODESTRAL).every(([field, value]) => config.get(field) === value);
  const inner = expandedWidth(config, 'expand', hiddenSize);
  return {
    family: 'mamba2',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: 0,
    blocks: Array.from({ length: count }, () => [['mamba2']] as const),
    mamba2: readMamba2(config, FIELDS, { inner, normGroups: (groups) => (isCodestral ? groups : 1) }),
    attention: null,
    normEps: config.number('layer_norm_epsilon', { above: 0, most: 1 }),
    ...readBiases(config, { use_bias: ['mamba2_in', 'mamba2_out'] }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions: POSITIONS,
  };
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const convBias = config.flag('use_conv_bias');
  const layer = (index: number) => `backbone.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'backbone.embeddings.weight',
    finalNorm: 'backbone.norm_f.weight',
    head: 'lm_head.weight',
    norm: (block) => `${layer(block)}.norm.weight`,
    branches: {
      mamba2: (ours, block) => mamba2Tensors(ours, `${layer(block)}.mixer`, architecture, { convBias }),
    },
    // As the authors' own checkpoints have it.
    alias: (name) => name.replace('embeddings', 'embedding'),
  });
}
