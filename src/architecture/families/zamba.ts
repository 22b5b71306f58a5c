import type { TensorSpec } from '../../weights/types.ts';
import { type Architecture, type Block, sharedSet } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { sharedBlockTensors, sharedTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { agreed, MOST_LAYERS, readLayerTypes } from '../layer-types.ts';
import { readTimeStepRank } from '../mamba1-config.ts';
import { mamba1Tensors } from '../mamba1-tensors.ts';
import { expandedWidth, requireFixed } from '../mamba2-config.ts';
import { modelTensors } from '../model-tensors.ts';

// model_type `zamba`: Mamba-1 blocks of several heads without MLPs. Before some of them stands a transformer that they all
// share, each time with an output matrix of the block's own.

/** How configs name the blocks: published ones, and those that transformers 5 saves. */
const LAYER_NAMES = { mamba: 'plain', linear_attention: 'plain', hybrid: 'hybrid' } as const;
type LayerKind = (typeof LAYER_NAMES)[keyof typeof LAYER_NAMES];
const BLOCKS: Readonly<Record<LayerKind, Block>> = { plain: [['mamba1']], hybrid: [['shared', 'mamba1']] };

/** The first blocks where no list says what they are; behind them the hybrid ones come in a period. */
const FIRST: readonly LayerKind[] = ['plain', 'plain', 'hybrid'];

/**
 * Architecture that the config of a Zamba model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'gelu', hidden_mamba_act: 'silu', mamba_d_conv: 4 });
  const hiddenSize = config.count('hidden_size');
  const kinds = readKinds(config);
  if (!kinds.includes('hybrid')) throw config.invalid('layers_block_type', 'has to name a block with the transformer');
  const heads = config.count('num_attention_heads');
  const headDim = config.optionalCount('attention_head_dim') ?? (2 * hiddenSize) / heads;
  const { attention, maxPositions } = readAttention(config, {
    hiddenSize: 2 * hiddenSize,
    headDimFields: ['attention_head_dim'],
    rotary: null,
    scale: 1 / Math.sqrt(headDim / 2),
  });
  const normEps = config.number('rms_norm_eps', { above: 0, most: 1 });
  return {
    family: 'zamba',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: 0,
    blocks: kinds.map((kind) => BLOCKS[kind]),
    mamba2: null,
    mamba1: {
      inner: expandedWidth(config, 'mamba_expand', hiddenSize),
      stateSize: config.count('mamba_d_state'),
      dtRank: readTimeStepRank(config, 'mamba_dt_rank', hiddenSize),
      convWidth: 4,
      normEps,
      norms: 'none',
      heads: config.count('n_mamba_heads'),
    },
    attention,
    shared: { sets: 1, intermediateSize: config.count('intermediate_size'), adapterRank: 0 },
    normEps,
    ...readBiases(config, { mamba_proj_bias: ['mamba1'] }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** Kind of each block, from a list or from a period. */
function readKinds(config: ConfigReader): LayerKind[] {
  const listed = agreed(config, readLayerTypes<LayerKind>(config, LAYER_NAMES));
  if (listed) return listed;
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const period = config.count('attn_layer_period');
  const offset = config.number('attn_layer_offset', { least: 0 });
  return Array.from({ length: count }, (_, index): LayerKind => {
    return FIRST[index] ?? ((index - FIRST.length) % period === offset ? 'hybrid' : 'plain');
  });
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const { blocks, shared } = architecture;
  const options = { convBias: config.flag('mamba_conv_bias'), interleaved: true, bare: true };
  const layer = (index: number) => `model.layers.${index}`;
  const hybrids = [...blocks.keys()].filter((index) => blocks[index]![0]!.includes('shared'));
  const mamba = (index: number) => (hybrids.includes(index) ? `${layer(index)}.mamba_decoder` : layer(index));
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.final_layernorm.weight',
    head: 'lm_head.weight',
    norm: (block) => `${mamba(block)}.input_layernorm.weight`,
    branches: {
      mamba1: (ours, block) => mamba1Tensors(ours, `${mamba(block)}.mamba`, architecture, options),
      shared(ours, block) {
        const use = hybrids.indexOf(block);
        const set = sharedSet(architecture, block);
        // A checkpoint has the transformer at the first block that uses it.
        const theirs = `${layer(hybrids[set]!)}.shared_transf`;
        const own = sharedBlockTensors(
          ours,
          { linear: `${layer(block)}.linear`, transformer: theirs, use },
          architecture,
        );
        return use < shared!.sets ? [...sharedTensors(`shared.${set}`, theirs, architecture), ...own] : own;
      },
    },
  });
}
