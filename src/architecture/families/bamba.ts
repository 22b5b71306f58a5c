import type { TensorSpec } from '../../weights/types.ts';
import { type Architecture, hasBranch, type Mixer } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { attentionTensors, gatedMlpTensors, mamba2Tensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { agreed, type LayerList, MIXER_NAMES, MOST_LAYERS, readLayerTypes } from '../layer-types.ts';
import { expandedWidth, MAMBA_FIELDS, readMamba2, requireFixed } from '../mamba2-config.ts';
import { modelTensors, normOf } from '../model-tensors.ts';

// model_type `bamba`: Bamba-9B in all its versions, and Lexicon. Blocks of a mixer and a SwiGLU MLP, each behind an
// RMSNorm and with a residual around it.

const ROTARY = {
  /** transformers sets it for this model type, whatever the config says of `attn_rotary_emb`. */
  share: 0.5,
  trainedPositions: 4096,
  /** Default of transformers' class: saved into configs of models that were trained on 4,096 positions. */
  meaninglessPositions: 262_144,
};

/**
 * Architecture that the config of a Bamba model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu' });
  requireFixed(config, { partial_rotary_factor: ROTARY.share });
  const rope = config.child('rope_parameters');
  if (rope) requireFixed(rope, { partial_rotary_factor: ROTARY.share });
  const hiddenSize = config.count('hidden_size');
  const blocks = readMixers(config).map((mixer) => [[mixer], ['swiglu']] as const);
  const { attention, maxPositions } = readAttention(config, { hiddenSize, rotary: ROTARY });
  const inner = expandedWidth(config, 'mamba_expand', hiddenSize);
  return {
    family: 'bamba',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count('intermediate_size'),
    blocks,
    // The gated norm of this family runs over the whole inner width, also where there are several groups.
    mamba2: hasBranch(blocks, 'mamba2') ? readMamba2(config, MAMBA_FIELDS, { inner, normGroups: () => 1 }) : null,
    attention: hasBranch(blocks, 'attention') ? attention : null,
    normEps: config.number('rms_norm_eps', { above: 0, most: 1 }),
    ...readBiases(config, {
      attention_bias: ['qkv', 'o_proj'],
      mlp_bias: ['mlp'],
      mamba_proj_bias: ['mamba2_in', 'mamba2_out'],
    }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** Mixer of each block: from a list of types, or from `attn_layer_indices`. */
function readMixers(config: ConfigReader): Mixer[] {
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const lists: LayerList<Mixer>[] = readLayerTypes(config, MIXER_NAMES);
  const indices = config.list('attn_layer_indices');
  if (indices) {
    const valid = (index: unknown) =>
      Number.isSafeInteger(index) && (index as number) >= 0 && (index as number) < count;
    if (!indices.every(valid)) throw config.invalid('attn_layer_indices', `has to hold layer numbers below ${count}`);
    const attention = new Set(indices);
    const kinds = Array.from({ length: count }, (_, i): Mixer => (attention.has(i) ? 'attention' : 'mamba2'));
    lists.push({ field: 'attn_layer_indices', kinds });
  }
  return agreed(config, lists) ?? Array.from({ length: count }, (): Mixer => 'mamba2');
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const convBias = config.flag('mamba_conv_bias');
  const layer = (index: number) => `model.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.final_layernorm.weight',
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'input_layernorm', mlp: 'pre_ff_layernorm' })}.weight`,
    branches: {
      mamba2: (ours, block) => mamba2Tensors(ours, `${layer(block)}.mamba`, architecture, { convBias }),
      attention: (ours, block) => attentionTensors(ours, `${layer(block)}.self_attn`, architecture),
      swiglu: (ours, block) => gatedMlpTensors(ours, `${layer(block)}.feed_forward`, architecture),
    },
  });
}
