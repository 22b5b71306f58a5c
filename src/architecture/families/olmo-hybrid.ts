import type { TensorSource, TensorSpec } from '../../weights/types.ts';
import type { Architecture, Block, Mixer, NormPlace } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { attentionTensors, gatedMlpTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { gatedDeltaTensors } from '../gated-delta-tensors.ts';
import { agreed, MOST_LAYERS, readLayerTypes } from '../layer-types.ts';
import { requireFixed } from '../mamba2-config.ts';
import { modelTensors, normOf } from '../model-tensors.ts';

// model_type `olmo_hybrid`: blocks of a gated delta mixer with norms before it and before the MLP, and blocks of attention
// with norms behind both. States of the delta mixers may change their sign.

const MIXERS = { linear_attention: 'gated_delta', full_attention: 'attention', attention: 'attention' } as const;

/** The epsilon of the norm of a delta head's output, whatever the config says of others. */
const HEAD_NORM_EPS = 1e-5;

/**
 * Architecture that the config of an OLMo hybrid describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu', linear_conv_kernel_dim: 4 });
  const hiddenSize = config.count('hidden_size');
  const turns = config.child('rope_parameters')?.get('rope_theta') !== undefined;
  const { attention, maxPositions } = readAttention(config, { hiddenSize, rotary: turns ? { share: 1 } : null });
  const mixers = readMixers(config);
  const keyHeads = config.optionalCount('linear_num_key_heads') ?? attention.heads;
  const keyDim = config.optionalCount('linear_key_head_dim') ?? Math.floor((0.75 * hiddenSize) / keyHeads);
  const gatedDelta = {
    keyHeads,
    valueHeads: config.optionalCount('linear_num_value_heads') ?? attention.heads,
    keyDim,
    valueDim: config.optionalCount('linear_value_head_dim') ?? 2 * keyDim,
    convWidth: 4,
    betaScale: config.flag('linear_allow_neg_eigval') ? 2 : 1,
    normEps: HEAD_NORM_EPS,
  };
  return {
    family: 'olmo_hybrid',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count('intermediate_size'),
    blocks: mixers.map((mixer): Block => [[mixer], ['swiglu']]),
    mamba2: null,
    ...(mixers.includes('gated_delta') && { gatedDelta }),
    attention: mixers.includes('attention') ? { ...attention, qkNorm: 'width' } : null,
    normEps: config.number('rms_norm_eps', { above: 0, most: 1 }),
    normPlaces: mixers.map((mixer): NormPlace => (mixer === 'attention' ? 'after' : 'before')),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

function readMixers(config: ConfigReader): Mixer[] {
  const listed = agreed<Mixer>(config, readLayerTypes<Mixer>(config, MIXERS));
  if (listed) return listed;
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const isAttention = (index: number) => index % 4 === 3 || (count < 4 && index === count - 1);
  return Array.from({ length: count }, (_, index): Mixer => (isAttention(index) ? 'attention' : 'gated_delta'));
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  const { hiddenSize: C } = architecture;
  const layer = (index: number) => `model.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.norm.weight',
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'attention_layer_norm', mlp: 'feedforward_layer_norm' })}.weight`,
    postNorm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'post_attention_layernorm', mlp: 'post_feedforward_layernorm' })}.weight`,
    branches: {
      gated_delta(ours, block) {
        const theirs = `${layer(block)}.linear_attn`;
        const { keyHeads, valueHeads, keyDim, valueDim, convWidth } = architecture.gatedDelta!;
        const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim];
        const rows = {
          g_proj: values,
          q_proj: keys,
          k_proj: keys,
          v_proj: values,
          b_proj: valueHeads,
          a_proj: valueHeads,
        };
        const channels = { q_conv1d: keys, k_conv1d: keys, v_conv1d: values };
        const source = (name: string, ...shape: number[]): TensorSource => ({
          name: `${theirs}.${name}.weight`,
          shape,
        });
        return gatedDeltaTensors(ours, theirs, architecture, {
          inProj: Object.entries(rows).map(([name, count]) => source(name, count, C)),
          conv: Object.entries(channels).map(([name, count]) => source(name, count, 1, convWidth)),
          norm: 'o_norm',
          out: 'o_proj',
        });
      },
      attention: (ours, block) => attentionTensors(ours, `${layer(block)}.self_attn`, architecture),
      swiglu: (ours, block) => gatedMlpTensors(ours, `${layer(block)}.mlp`, architecture),
    },
  });
}
