import type { TensorSpec } from '../../weights/types.ts';
import { type Architecture, type Block, sharedSet } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { mamba2Tensors, sharedBlockTensors, sharedTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { agreed, type LayerList, MOST_LAYERS, readLayerTypes } from '../layer-types.ts';
import { expandedWidth, readMamba2, requireFixed } from '../mamba2-config.ts';
import { modelTensors } from '../model-tensors.ts';

// model_type `zamba2`: Mamba-2 blocks without MLPs. Before some of them stands a transformer that these blocks share,
// or one of a few in turn. Each such block has an adapter and an output matrix of its own.

const FIELDS = {
  heads: 'n_mamba_heads',
  headDim: 'mamba_headdim',
  stateSize: 'mamba_d_state',
  groups: 'mamba_ngroups',
  convWidth: 'mamba_d_conv',
};

/** How configs name the blocks: published ones, and those that transformers 5 saves. */
const LAYER_NAMES = { mamba: 'plain', linear_attention: 'plain', hybrid: 'hybrid' } as const;
type LayerKind = (typeof LAYER_NAMES)[keyof typeof LAYER_NAMES];
const BLOCKS: Readonly<Record<LayerKind, Block>> = { plain: [['mamba2']], hybrid: [['shared', 'mamba2']] };

/**
 * Architecture that the config of a Zamba2 model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, {
    hidden_act: 'gelu',
    use_long_context: false,
    use_shared_mlp_adapter: true,
  });
  const hiddenSize = config.count('hidden_size');
  const blocks = readKinds(config).map((kind) => BLOCKS[kind]);
  const heads = config.count('num_attention_heads');
  const headDim = config.optionalCount('attention_head_dim') ?? (2 * hiddenSize) / heads;
  const { attention, maxPositions } = readAttention(config, {
    hiddenSize: 2 * hiddenSize,
    headDimFields: ['attention_head_dim'],
    rotary: config.flag('use_mem_rope') ? { share: 1 } : null,
    scale: 1 / Math.sqrt(headDim / 2),
  });
  return {
    family: 'zamba2',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: 0,
    blocks,
    mamba2: readMamba2(config, FIELDS, {
      inner: expandedWidth(config, 'mamba_expand', hiddenSize),
      normGroups: (groups) => groups,
    }),
    attention,
    shared: {
      sets: config.count('num_mem_blocks'),
      intermediateSize: config.optionalCount('intermediate_size') ?? 4 * hiddenSize,
      adapterRank: config.count('adapter_rank'),
      ...(config.flag('use_shared_attention_adapter') && { attentionAdapters: true }),
    },
    normEps: config.number('rms_norm_eps', { above: 0, most: 1 }),
    ...readBiases(config, { add_bias_linear: ['mlp', 'mamba2_in', 'mamba2_out'] }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

/** Kind of each block, from a list of all or from the numbers of the hybrid ones. */
function readKinds(config: ConfigReader): LayerKind[] {
  const lists: LayerList<LayerKind>[] = readLayerTypes<LayerKind>(config, LAYER_NAMES);
  const ids = config.list('hybrid_layer_ids');
  if (ids) {
    const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
    const sound = ids.every((id) => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < count);
    if (!sound) throw config.invalid('hybrid_layer_ids', `has to hold numbers of the ${count} layers`);
    const kinds = Array.from({ length: count }, (_, id): LayerKind => (ids.includes(id) ? 'hybrid' : 'plain'));
    lists.push({ field: 'hybrid_layer_ids', kinds });
  }
  const kinds = agreed(config, lists);
  if (!kinds?.includes('hybrid'))
    throw config.invalid('hybrid_layer_ids', 'has to name blocks with the shared transformer');
  return kinds;
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture, config: ConfigReader): TensorSpec[] {
  const { blocks, shared } = architecture;
  const convBias = config.flag('use_conv_bias');
  const layer = (index: number) => `model.layers.${index}`;
  const hybrids = [...blocks.keys()].filter((index) => blocks[index]![0]!.includes('shared'));
  const mamba = (index: number) => (hybrids.includes(index) ? `${layer(index)}.mamba_decoder` : layer(index));
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.final_layernorm.weight',
    head: 'lm_head.weight',
    norm: (block) => `${mamba(block)}.input_layernorm.weight`,
    branches: {
      mamba2: (ours, block) => mamba2Tensors(ours, `${mamba(block)}.mamba`, architecture, { convBias }),
      shared(ours, block) {
        const use = hybrids.indexOf(block);
        const set = sharedSet(architecture, block);
        // A checkpoint has the weights of a set at the first block that uses it.
        const theirs = `${layer(hybrids[set]!)}.shared_transformer`;
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
