import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { attentionTensors, gatedMlpTensors, mamba2Tensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { MOST_LAYERS } from '../layer-types.ts';
import { expandedWidth, MAMBA_FIELDS, readMamba2, requireFixed } from '../mamba2-config.ts';
import { modelTensors, normOf } from '../model-tensors.ts';

// model_type `falcon_h1`: every block has Mamba-2 and attention side by side behind one norm, then a SwiGLU MLP. All of
// them have constant factors at their ends.

/**
 * Architecture that the config of a Falcon-H1 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu' });
  const hasNorm = config.flag('mamba_rms_norm');
  const gateLast = hasNorm && config.flag('mamba_norm_before_gate');
  const hiddenSize = config.count('hidden_size');
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const { attention, maxPositions } = readAttention(config, { hiddenSize, rotary: { share: 1 } });
  const inner = config.optionalCount('mamba_d_ssm') ?? expandedWidth(config, 'mamba_expand', hiddenSize);
  return {
    family: 'falcon_h1',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count('intermediate_size'),
    blocks: Array.from({ length: count }, () => [['mamba2', 'attention'], ['swiglu']] as const),
    mamba2: readMamba2(config, MAMBA_FIELDS, { inner, normGroups: (groups) => (hasNorm ? groups : null), gateLast }),
    attention,
    normEps: config.number('rms_norm_eps', { above: 0, most: 1 }),
    ...readBiases(config, {
      attention_bias: ['qkv', 'o_proj'],
      mlp_bias: ['mlp'],
      mamba_proj_bias: ['mamba2_in'],
      projectors_bias: ['mamba2_out'],
    }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: config.number('embedding_multiplier', { above: 0 }),
    logitScale: config.number('lm_head_multiplier', { above: 0 }),
    maxPositions,
  };
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const factor = (field: string) => config.number(field, { above: 0 });
  const list = (field: string, length: number) =>
    config.get(field) === undefined ? Array<number>(length).fill(1) : config.numbers(field, length, { above: 0 });
  const [gate = 1, down = 1] = list('mlp_multipliers', 2);
  const options = {
    convBias: config.flag('mamba_conv_bias'),
    factors: {
      in: factor('ssm_in_multiplier'),
      rows: list('ssm_multipliers', 5),
      out: factor('ssm_out_multiplier'),
    },
  };
  const attentionFactors = {
    in: factor('attention_in_multiplier'),
    key: factor('key_multiplier'),
    out: factor('attention_out_multiplier'),
  };
  const layer = (index: number) => `model.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.final_layernorm.weight',
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'input_layernorm', mlp: 'pre_ff_layernorm' })}.weight`,
    branches: {
      mamba2: (ours, block) => mamba2Tensors(ours, `${layer(block)}.mamba`, architecture, options),
      attention: (ours, block) =>
        attentionTensors(ours, `${layer(block)}.self_attn`, architecture, { factors: attentionFactors }),
      swiglu: (ours, block) => gatedMlpTensors(ours, `${layer(block)}.feed_forward`, architecture, { gate, down }),
    },
  });
}
