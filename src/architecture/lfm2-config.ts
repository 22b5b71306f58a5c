import type { TensorSpec } from '../weights/types.ts';
import type { Architecture, Block, Mixer, Mlp } from './architecture.ts';
import { readAttention } from './attention-config.ts';
import { readBiases } from './biases-config.ts';
import { attentionTensors, expertTensors, swigluTensors } from './block-tensors.ts';
import type { ConfigReader } from './config-reader.ts';
import { agreed, type LayerList, MOST_LAYERS, readLayerTypes } from './layer-types.ts';
import { modelTensors, normOf } from './model-tensors.ts';
import { shortConvTensors } from './short-conv-tensors.ts';

// The parts of LFM2 with experts and without: blocks of a short convolution or of attention with norms of q and k, and
// an MLP.

const MIXERS = { conv: 'short_conv', full_attention: 'attention', attention: 'attention' } as const;

/** The facts that the two families read in ways of their own. */
interface Lfm2Facts extends Pick<Architecture, 'family' | 'intermediateSize' | 'moe'> {
  /** The MLP of a block. */
  mlp: (block: number) => Mlp;
}

/** Architecture of an LFM2 model. @throws BambaError `config_invalid` with the field, `unsupported_model`. */
export function lfm2Architecture(
  config: ConfigReader,
  { family, intermediateSize, moe, mlp }: Lfm2Facts,
): Architecture {
  const hiddenSize = config.count('hidden_size');
  const { attention, maxPositions } = readAttention(config, { hiddenSize, rotary: { share: 1 } });
  const mixers = readMixers(config);
  const blocks = mixers.map((mixer, index): Block => [[mixer], [mlp(index)]]);
  const shortConv = { convWidth: config.count('conv_L_cache', { most: 4 }) };
  return {
    family,
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize,
    blocks,
    mamba2: null,
    ...(mixers.includes('short_conv') && { shortConv }),
    attention: mixers.includes('attention') ? { ...attention, qkNorm: 'head' } : null,
    ...(moe && { moe }),
    ...readBiases(config, { conv_bias: ['short_conv'] }),
    normEps: config.number('norm_eps', { above: 0, most: 1 }),
    // Published configs have another name for it.
    tiedHead: config.flag('tie_embedding', config.flag('tie_word_embeddings')),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** Mixer of each block: from a list of types, or from the numbers of those with attention. */
function readMixers(config: ConfigReader): Mixer[] {
  const lists: LayerList<Mixer>[] = readLayerTypes<Mixer>(config, MIXERS);
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const indices = config.list('full_attn_idxs');
  if (indices) {
    const sound = indices.every((id) => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < count);
    if (!sound) throw config.invalid('full_attn_idxs', `has to hold numbers of the ${count} layers`);
    const kinds = Array.from({ length: count }, (_, id): Mixer => (indices.includes(id) ? 'attention' : 'short_conv'));
    lists.push({ field: 'full_attn_idxs', kinds });
  }
  // Without both, all blocks are attention.
  return agreed(config, lists) ?? Array.from({ length: count }, (): Mixer => 'attention');
}

/** Tensors of the package in the order of use, and what each is made of. */
export function lfm2Tensors(architecture: Architecture): TensorSpec[] {
  const { hiddenSize: C, intermediateSize: F } = architecture;
  const layer = (index: number) => `model.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    // It stands behind the last block, whatever its name says.
    finalNorm: 'model.embedding_norm.weight',
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'operator_norm', mlp: 'ffn_norm' })}.weight`,
    branches: {
      short_conv: (ours, block) => shortConvTensors(ours, `${layer(block)}.conv`, architecture),
      attention: (ours, block) =>
        attentionTensors(ours, `${layer(block)}.self_attn`, architecture, {
          names: { o: 'out_proj', qNorm: 'q_layernorm', kNorm: 'k_layernorm' },
        }),
      swiglu(ours, block) {
        const name = (part: string) => `${layer(block)}.feed_forward.${part}.weight`;
        return swigluTensors(ours, architecture, {
          gate: { name: name('w1'), shape: [F, C] },
          up: { name: name('w3'), shape: [F, C] },
          down: { name: name('w2'), shape: [C, F] },
        });
      },
      moe: (ours, block) =>
        expertTensors(ours, `${layer(block)}.feed_forward`, architecture, {
          router: 'gate',
          parts: { gate: 'w1', up: 'w3', down: 'w2' },
          ...(architecture.moe!.routing!.biased && { bias: 'expert_bias' }),
        }),
    },
  });
}
