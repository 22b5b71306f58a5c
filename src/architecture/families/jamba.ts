import type { TensorSpec } from '../../weights/types.ts';
import { type Architecture, type Block, hasBranch, type MoeRouting, type MoeShape } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { attentionTensors, expertTensors, gatedMlpTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { MOST_LAYERS } from '../layer-types.ts';
import { readTimeStepRank } from '../mamba1-config.ts';
import { mamba1Tensors } from '../mamba1-tensors.ts';
import { expandedWidth, requireFixed } from '../mamba2-config.ts';
import { modelTensors, normOf } from '../model-tensors.ts';

// model_type `jamba`: blocks of a mixer and an MLP. Every so many blocks the mixer is attention without positions; the
// others are Mamba-1 mixers, whose step sizes, b and c pass norms with weights. So often, too, the MLP is a mixture of
// experts.

/** The weight of an expert's output is its share of all experts, and not of the chosen. */
const ROUTING: MoeRouting = { scores: 'softmax', biased: false, sumEps: null, scale: 1, groups: 1, keptGroups: 1 };

/**
 * Architecture that the config of a Jamba model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu', mamba_d_conv: 4 });
  const hiddenSize = config.count('hidden_size');
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const attends = (index: number) => isEvery(config, 'attn_layer', index);
  const experts = config.count('num_experts');
  const mixes = (index: number) => experts > 1 && isEvery(config, 'expert_layer', index);
  const blocks = Array.from({ length: count }, (_, index): Block => [
    [attends(index) ? 'attention' : 'mamba1'],
    [mixes(index) ? 'moe' : 'swiglu'],
  ]);
  const intermediateSize = config.count('intermediate_size');
  const moe: MoeShape = { experts, topK: config.count('num_experts_per_tok'), intermediateSize, routing: ROUTING };
  const normEps = config.number('rms_norm_eps', { above: 0, most: 1 });
  const { attention, maxPositions } = readAttention(config, { hiddenSize, rotary: null });
  const mamba1 = {
    inner: expandedWidth(config, 'mamba_expand', hiddenSize),
    stateSize: config.count('mamba_d_state'),
    dtRank: readTimeStepRank(config, 'mamba_dt_rank', hiddenSize),
    convWidth: 4,
    normEps,
    norms: 'weighted' as const,
  };
  return {
    family: 'jamba',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: hasBranch(blocks, 'swiglu') ? intermediateSize : 0,
    blocks,
    mamba2: null,
    ...(hasBranch(blocks, 'mamba1') && { mamba1 }),
    attention: hasBranch(blocks, 'attention') ? attention : null,
    ...(hasBranch(blocks, 'moe') && { moe }),
    ...readBiases(config, { mamba_proj_bias: ['mamba1'] }),
    normEps,
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** Whether block `index` is one of those that come every `period` from `offset` on. */
function isEvery(config: ConfigReader, what: string, index: number): boolean {
  const period = config.count(`${what}_period`);
  const offset = config.number(`${what}_offset`, { least: 0 });
  return index % period === offset;
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
      mamba1: (ours, block) => mamba1Tensors(ours, `${layer(block)}.mamba`, architecture, { convBias }),
      attention: (ours, block) => attentionTensors(ours, `${layer(block)}.self_attn`, architecture),
      moe: (ours, block) =>
        expertTensors(ours, `${layer(block)}.feed_forward`, architecture, {
          router: 'router',
          parts: { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
        }),
      swiglu: (ours, block) => gatedMlpTensors(ours, `${layer(block)}.feed_forward`, architecture),
    },
  });
}
