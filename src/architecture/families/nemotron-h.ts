import type { TensorSpec } from '../../weights/types.ts';
import { type Architecture, type Block, hasBranch, mlpWidth, type MoeShape, type Sublayer } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { attentionTensors, expertTensors, mamba2Tensors, relu2Tensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { agreed, type LayerList, MIXER_NAMES, MOST_LAYERS, readLayerTypes } from '../layer-types.ts';
import { readMamba2, requireFixed } from '../mamba2-config.ts';
import { modelTensors } from '../model-tensors.ts';

// model_type `nemotron_h`: blocks of a single sublayer each, in the order of a pattern. The sublayer is a Mamba-2 mixer
// with several groups, or attention without positions. Or it is an MLP with squared ReLU and no gate, or a mixture of
// such MLPs beside one of them.

const FIELDS = {
  heads: 'mamba_num_heads',
  headDim: 'mamba_head_dim',
  stateSize: 'ssm_state_size',
  groups: 'n_groups',
  convWidth: 'conv_kernel',
};

/** The kinds of blocks, each with its sublayer. */
const SUBLAYERS = {
  mamba2: ['mamba2'],
  attention: ['attention'],
  mlp: ['relu2'],
  moe: ['moe', 'relu2'],
} as const satisfies Readonly<Record<string, Sublayer>>;
type LayerKind = keyof typeof SUBLAYERS;

/** Letters of `hybrid_override_pattern`. */
const PATTERN: Readonly<Record<string, LayerKind>> = { M: 'mamba2', '*': 'attention', '-': 'mlp', E: 'moe' };

/**
 * Architecture that the config of a Nemotron-H model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  // transformers makes no such biases, whatever a config says.
  const biases = { attention_bias: false, mamba_proj_bias: false };
  requireFixed(config, { mlp_hidden_act: 'relu2', mamba_hidden_act: 'silu', sliding_window: null, ...biases });
  const hiddenSize = config.count('hidden_size');
  const kinds = readKinds(config);
  const blocks = kinds.map((kind): Block => [SUBLAYERS[kind]]);
  const moe = kinds.includes('moe') ? readMoe(config) : null;
  // The width of MLPs that stand alone, or of those beside experts where there are no others.
  const beside = moe ? config.count('moe_shared_expert_intermediate_size') : 0;
  const intermediateSize = kinds.includes('mlp') ? config.count('intermediate_size') : beside;
  const { attention, maxPositions } = readAttention(config, {
    hiddenSize,
    headDimFields: ['attention_head_dim', 'head_dim'],
    rotary: null,
  });
  return {
    family: 'nemotron_h',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize,
    blocks,
    mamba2: hasBranch(blocks, 'mamba2') ? readMamba2(config, FIELDS, { normGroups: (groups) => groups }) : null,
    attention: hasBranch(blocks, 'attention') ? attention : null,
    ...(moe && { moe: { ...moe, ...(beside !== intermediateSize && { besideSize: beside }) } }),
    ...readBiases(config, { mlp_bias: ['mlp'], use_bias: ['mamba2_in', 'mamba2_out'] }),
    normEps: config.number('layer_norm_epsilon', { above: 0, most: 1 }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** The mixture of experts: chosen from the best groups by sigmoids and a bias, weighted by the sigmoids alone. */
function readMoe(config: ConfigReader): MoeShape {
  const experts = config.count('n_routed_experts');
  const latentSize = config.optionalCount('moe_latent_size');
  return {
    experts,
    topK: config.count('num_experts_per_tok', { most: experts }),
    intermediateSize: config.count('moe_intermediate_size'),
    routing: {
      scores: 'sigmoid',
      biased: true,
      sumEps: config.flag('norm_topk_prob') ? 1e-20 : null,
      scale: config.number('routed_scaling_factor', { above: 0 }),
      groups: config.count('n_group', { most: experts }),
      keptGroups: config.count('topk_group', { most: experts }),
    },
    ungated: true,
    ...(latentSize !== undefined && { latentSize }),
  };
}

/** Kind of each block: from a list of types, or from the pattern. */
function readKinds(config: ConfigReader): LayerKind[] {
  const names = { ...MIXER_NAMES, mlp: 'mlp', moe: 'moe' } as const;
  const lists: LayerList<LayerKind>[] = readLayerTypes<LayerKind>(config, names);
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
  const convBias = config.flag('use_conv_bias');
  const layer = (index: number) => `backbone.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'backbone.embeddings.weight',
    finalNorm: 'backbone.norm_f.weight',
    head: 'lm_head.weight',
    norm: (block) => `${layer(block)}.norm.weight`,
    branches: {
      mamba2: (ours, block) => mamba2Tensors(ours, `${layer(block)}.mixer`, architecture, { convBias }),
      attention: (ours, block) => attentionTensors(ours, `${layer(block)}.mixer`, architecture),
      relu2(ours, block) {
        const isBeside = hasBranch([architecture.blocks[block]!], 'moe');
        const theirs = `${layer(block)}.mixer${isBeside ? '.shared_experts' : ''}`;
        return relu2Tensors(ours, theirs, architecture, mlpWidth(architecture, block));
      },
      moe: (ours, block) =>
        expertTensors(ours, `${layer(block)}.mixer`, architecture, {
          router: 'gate',
          bias: 'gate.e_score_correction_bias',
          parts: { up: 'up_proj', down: 'down_proj' },
          ...(architecture.moe!.latentSize !== undefined && {
            latent: { in: 'fc1_latent_proj', out: 'fc2_latent_proj' },
          }),
        }),
    },
    // As newer exports have it.
    alias: (name) => name.replace(/^backbone\./, 'model.'),
  });
}
