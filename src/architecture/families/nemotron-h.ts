import type { TensorSpec } from '../../weights/types.ts';
import { type Architecture, type Branch, hasBranch } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { attentionTensors, mamba2Tensors, relu2Tensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { agreed, type LayerList, MIXER_NAMES, MOST_LAYERS, readLayerTypes } from '../layer-types.ts';
import { readMamba2, requireFixed } from '../mamba2-config.ts';
import { modelTensors } from '../model-tensors.ts';

// model_type `nemotron_h`: blocks of a single sublayer each, in the order of a pattern: a Mamba-2 mixer with several
// groups, attention without positions, or an MLP with squared ReLU and no gate.

const FIELDS = {
  heads: 'mamba_num_heads',
  headDim: 'mamba_head_dim',
  stateSize: 'ssm_state_size',
  groups: 'n_groups',
  convWidth: 'conv_kernel',
};

/** Letters of `hybrid_override_pattern`. */
const PATTERN: Readonly<Record<string, Branch>> = { M: 'mamba2', '*': 'attention', '-': 'relu2' };

/**
 * Architecture that the config of a Nemotron-H model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  const biases = { attention_bias: false, mlp_bias: false, mamba_proj_bias: false, use_bias: false };
  requireFixed(config, { mlp_hidden_act: 'relu2', mamba_hidden_act: 'silu', sliding_window: null, ...biases });
  const hiddenSize = config.count('hidden_size');
  const blocks = readKinds(config).map((kind) => [[kind]]);
  const hasMlp = hasBranch(blocks, 'relu2');
  const { attention, maxPositions } = readAttention(config, {
    hiddenSize,
    headDimFields: ['attention_head_dim', 'head_dim'],
    rotary: null,
  });
  return {
    family: 'nemotron_h',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: hasMlp ? config.count('intermediate_size') : 0,
    blocks,
    mamba2: hasBranch(blocks, 'mamba2') ? readMamba2(config, FIELDS, { normGroups: (groups) => groups }) : null,
    attention: hasBranch(blocks, 'attention') ? attention : null,
    normEps: config.number('layer_norm_epsilon', { above: 0, most: 1 }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** Branch of each block: from a list of types, or from the pattern. */
function readKinds(config: ConfigReader): Branch[] {
  const lists: LayerList<Branch>[] = readLayerTypes<Branch>(config, { ...MIXER_NAMES, mlp: 'relu2' });
  const pattern = config.text('hybrid_override_pattern', '');
  if (pattern !== '') {
    if (pattern.length > MOST_LAYERS) throw config.invalid('hybrid_override_pattern', 'is longer than any model');
    const kinds = Array.from(pattern, (letter) => {
      const kind = Object.hasOwn(PATTERN, letter) ? PATTERN[letter] : undefined;
      if (!kind) throw config.invalid('hybrid_override_pattern', `can hold ${Object.keys(PATTERN).join(' ')}`);
      return kind;
    });
    lists.push({ field: 'hybrid_override_pattern', kinds });
  }
  const kinds = agreed(config, lists);
  if (!kinds || kinds.length === 0) throw config.invalid('layers_block_type', 'or hybrid_override_pattern is needed');
  return kinds;
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const { hiddenSize, mamba2 } = architecture;
  const convBias = config.flag('use_conv_bias');
  const layer = (index: number) => `backbone.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'backbone.embeddings.weight',
    finalNorm: 'backbone.norm_f.weight',
    head: 'lm_head.weight',
    norm: (block) => `${layer(block)}.norm.weight`,
    branches: {
      mamba2: (ours, block) => mamba2Tensors(ours, `${layer(block)}.mixer`, hiddenSize, mamba2!, { convBias }),
      attention: (ours, block) => attentionTensors(ours, `${layer(block)}.mixer`, architecture),
      relu2: (ours, block) => relu2Tensors(ours, `${layer(block)}.mixer`, architecture),
    },
    // As newer exports have it.
    alias: (name) => name.replace(/^backbone\./, 'model.'),
  });
}
