import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import { readBiases } from '../biases-config.ts';
import type { ConfigReader } from '../config-reader.ts';
import { MOST_LAYERS } from '../layer-types.ts';
import { mamba1Tensors } from '../mamba1-tensors.ts';
import { readTimeStepRank } from '../mamba1-config.ts';
import { expandedWidth, requireFixed } from '../mamba2-config.ts';
import { modelTensors } from '../model-tensors.ts';

// model_type `mamba`: blocks of a Mamba-1 mixer alone, without norms of its own: mamba-130m to mamba-2.8b.

/** A recurrence has no longest sequence; host memory for token ids sets one. */
const POSITIONS = 2 ** 20;

/**
 * Architecture that the config of a Mamba model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu', conv_kernel: 4 });
  const hiddenSize = config.count('hidden_size');
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const normEps = config.number('layer_norm_epsilon', { above: 0, most: 1 });
  return {
    family: 'mamba',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: 0,
    blocks: Array.from({ length: count }, () => [['mamba1']] as const),
    mamba2: null,
    mamba1: {
      inner: config.optionalCount('intermediate_size') ?? expandedWidth(config, 'expand', hiddenSize),
      stateSize: config.count('state_size'),
      dtRank: readTimeStepRank(config, 'time_step_rank', hiddenSize),
      convWidth: 4,
      normEps,
      norms: 'none',
    },
    attention: null,
    ...readBiases(config, { use_bias: ['mamba1'] }),
    normEps,
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
      mamba1: (ours, block) => mamba1Tensors(ours, `${layer(block)}.mixer`, architecture, { convBias }),
    },
    // As old exports have it.
    alias: (name) => name.replace('backbone.embeddings.', 'backbone.embedding.'),
  });
}
