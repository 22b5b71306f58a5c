import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { attentionTensors, gatedMlpTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { MOST_LAYERS } from '../layer-types.ts';
import { requireFixed } from '../mamba2-config.ts';
import { modelTensors, normOf } from '../model-tensors.ts';

// model_type `llama`: the transformer that hybrid models are measured against. Blocks of attention and a SwiGLU MLP.

/**
 * Architecture that the config of a Llama model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu', attention_bias: false, mlp_bias: false });
  const hiddenSize = config.count('hidden_size');
  const share = config.number('partial_rotary_factor', { fallback: 1, above: 0, most: 1 });
  const { attention, maxPositions } = readAttention(config, { hiddenSize, rotary: { share } });
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  return {
    family: 'llama',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count('intermediate_size'),
    blocks: Array.from({ length: count }, () => [['attention'], ['swiglu']] as const),
    mamba2: null,
    attention,
    normEps: config.number('rms_norm_eps', { above: 0, most: 1 }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  const { hiddenSize, attention } = architecture;
  const layer = (index: number) => `model.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.norm.weight',
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'input_layernorm', mlp: 'post_attention_layernorm' })}.weight`,
    branches: {
      attention: (ours, block) => attentionTensors(ours, `${layer(block)}.self_attn`, hiddenSize, attention!),
      swiglu: (ours, block) => gatedMlpTensors(ours, `${layer(block)}.mlp`, architecture),
    },
  });
}
