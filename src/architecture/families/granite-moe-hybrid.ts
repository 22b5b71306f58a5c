import type { TensorSpec } from '../../weights/types.ts';
import { type Architecture, type Block, hasBranch, type Mixer, type MoeShape, type Sublayer } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { attentionTensors, graniteMoeTensors, mamba2Tensors, swigluTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { agreed, MIXER_NAMES, MOST_LAYERS, readLayerTypes } from '../layer-types.ts';
import { expandedWidth, MAMBA_FIELDS, readMamba2, requireFixed } from '../mamba2-config.ts';
import { modelTensors, normOf } from '../model-tensors.ts';

// model_type `granitemoehybrid`: Granite 4.0-H. Bamba's blocks with constant factors: on the embeddings, on what a branch
// adds to the stream, on the scores of attention and on the logits. Tiny and Small have a mixture of experts beside the MLP.

/**
 * Architecture that the config of a Granite 4.0-H model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu' });
  const hiddenSize = config.count('hidden_size');
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const mixers = agreed<Mixer>(config, readLayerTypes(config, MIXER_NAMES));
  const moe = readMoe(config);
  const mlps: Sublayer = moe ? ['swiglu', 'moe'] : ['swiglu'];
  const blocks = (mixers ?? Array.from({ length: count }, () => 'mamba2' as const)).map((mixer): Block => [
    [mixer],
    mlps,
  ]);
  const positions = config.text('position_embedding_type', 'nope');
  if (positions !== 'nope') requireFixed(config, { position_embedding_type: 'rope' });
  const { attention, maxPositions } = readAttention(config, {
    hiddenSize,
    rotary: positions === 'rope' ? { share: 1 } : null,
    scale: config.number('attention_multiplier', { above: 0 }),
  });
  const inner = expandedWidth(config, 'mamba_expand', hiddenSize);
  return {
    family: 'granitemoehybrid',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count('shared_intermediate_size'),
    blocks,
    mamba2: hasBranch(blocks, 'mamba2') ? readMamba2(config, MAMBA_FIELDS, { inner, normGroups: () => 1 }) : null,
    attention: hasBranch(blocks, 'attention') ? attention : null,
    ...(moe && { moe }),
    normEps: config.number('rms_norm_eps', { above: 0, most: 1 }),
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'], mamba_proj_bias: ['mamba2_in', 'mamba2_out'] }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: config.number('embedding_multiplier', { above: 0 }),
    logitScale: 1 / config.number('logits_scaling', { above: 0 }),
    maxPositions,
  };
}

function readMoe(config: ConfigReader): MoeShape | null {
  if (config.get('num_local_experts') === undefined || config.get('num_local_experts') === 0) return null;
  const experts = config.count('num_local_experts');
  const topK = config.count('num_experts_per_tok', { most: experts });
  return { experts, topK, intermediateSize: config.count('intermediate_size') };
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const { hiddenSize: C, intermediateSize: F } = architecture;
  const out = config.number('residual_multiplier', { above: 0 });
  const options = { convBias: config.flag('mamba_conv_bias'), factors: { out } };
  const layer = (index: number) => `model.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.norm.weight',
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'input_layernorm', mlp: 'post_attention_layernorm' })}.weight`,
    branches: {
      mamba2: (ours, block) => mamba2Tensors(ours, `${layer(block)}.mamba`, architecture, options),
      attention: (ours, block) =>
        attentionTensors(ours, `${layer(block)}.self_attn`, architecture, { factors: { out } }),
      swiglu(ours, block) {
        const mlp = `${layer(block)}.shared_mlp`;
        // The rows of gate, then those of up.
        const both = { name: `${mlp}.input_linear.weight`, shape: [2 * F, C] };
        return swigluTensors(ours, architecture, {
          gate: { ...both, rows: [0, F] },
          up: { ...both, rows: [F, 2 * F] },
          down: { name: `${mlp}.output_linear.weight`, shape: [C, F], factor: out },
        });
      },
      moe: (ours, block) => graniteMoeTensors(ours, `${layer(block)}.block_sparse_moe`, architecture, { down: out }),
    },
  });
}
