import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Architecture, hasBranch } from '../../architecture/architecture.ts';
import { parseConfig } from '../../architecture/config.ts';

// Results of Hugging Face transformers for small models of random weights, one of each family at least: the only thing here
// that our own reference is held to.

/** Folder of a golden in the tree. */
export function fixtureFolder(name: string): string {
  return join(import.meta.dirname, '../fixtures', name);
}

/** What the config of a golden in the tree says. */
export function goldenArchitecture(name: string): Architecture {
  return parseConfig(readFileSync(join(fixtureFolder(name), 'config.json'))).architecture;
}

/** Something that a family computes, and the golden that shows it. */
interface Feature {
  family: string;
  feature: string;
  golden: string;
  /** Whether a model has it: a golden that is replaced by another must not lose it. */
  holds: (architecture: Architecture) => boolean;
}

const grouped = ({ mamba2 }: Architecture) => mamba2!.groups > 1;
const turns = ({ attention }: Architecture) => attention!.rope !== null;
const shares = ({ attention }: Architecture) => attention!.kvHeads < attention!.heads;

/** Which golden covers which feature of which family. */
export const FEATURES: readonly Feature[] = [
  feature('bamba', 'Mamba-2 and SwiGLU', 'bamba-short', ({ blocks }) => hasBranch(blocks, 'mamba2')),
  feature('bamba', 'attention that turns half of each head', 'bamba-short', ({ attention }) => {
    return attention!.rope!.dims === attention!.headDim / 2;
  }),
  feature('bamba', 'weights of fp8 with a scale for each tensor', 'bamba-fp8-tensor', shares),
  feature('bamba', 'weights of fp8 with a scale for each row', 'bamba-fp8-channel', shares),
  feature('mamba2', 'blocks of Mamba-2 alone', 'mamba2-tied', ({ attention }) => attention === null),
  feature('mamba2', 'a head that is the embedding', 'mamba2-tied', ({ tiedHead }) => tiedHead),
  feature('granitemoehybrid', 'a mixture of experts beside an MLP', 'granite-h-rope', ({ blocks }) => {
    return blocks.every((block) => block.at(-1)!.join() === 'swiglu,moe');
  }),
  feature('granitemoehybrid', 'factors of embeddings and logits', 'granite-h-rope', (architecture) => {
    return architecture.embeddingScale !== 1 && architecture.logitScale !== 1;
  }),
  feature('granitemoehybrid', 'attention with positions', 'granite-h-rope', turns),
  feature('falcon_h1', 'mixers side by side', 'falcon-h1-mup', ({ blocks }) => blocks[0]![0]!.length === 2),
  feature('falcon_h1', 'two groups, each with a norm of its own', 'falcon-h1-mup', ({ mamba2 }) => {
    return mamba2!.groups === 2 && mamba2!.normGroups === 2;
  }),
  feature('nemotron_h', 'an MLP of squared ReLU', 'nemotron-h', ({ blocks }) => hasBranch(blocks, 'relu2')),
  feature('nemotron_h', 'one sublayer a block', 'nemotron-h', ({ blocks }) =>
    blocks.every(({ length }) => length === 1),
  ),
  feature('nemotron_h', 'attention without positions', 'nemotron-h', (architecture) => !turns(architecture)),
  feature('nemotron_h', 'two groups, each with a norm of its own', 'nemotron-h', (architecture) => {
    return grouped(architecture) && architecture.mamba2!.normGroups === architecture.mamba2!.groups;
  }),
  feature('falcon_mamba', 'Mamba-1 with norms inside', 'falcon-mamba-tiny', ({ blocks }) =>
    hasBranch(blocks, 'mamba1'),
  ),
  feature(
    'mamba',
    'Mamba-1 without norms inside, of a rank that is no multiple of four',
    'mamba-bias',
    ({ mamba1 }) => {
      return mamba1!.norms === 'none' && mamba1!.dtRank % 4 > 0;
    },
  ),
  feature('mamba', 'biases of both projections', 'mamba-bias', ({ biases }) => biases!.includes('mamba1')),
  feature(
    'jamba',
    'Mamba-1 with norms inside that have weights',
    'jamba',
    ({ mamba1 }) => mamba1!.norms === 'weighted',
  ),
  feature('jamba', 'attention without positions', 'jamba', (architecture) => !turns(architecture)),
  feature('jamba', 'an MLP or a mixture of experts, weighted by softmax over all', 'jamba', ({ blocks, moe }) => {
    return hasBranch(blocks, 'swiglu') && hasBranch(blocks, 'moe') && moe!.routing!.scores === 'softmax';
  }),
  feature('zamba', 'Mamba-1 of several heads', 'zamba', ({ mamba1 }) => mamba1!.heads === 2),
  feature('zamba', 'one transformer that blocks share, without adapters', 'zamba', ({ blocks, shared }) => {
    return shared!.adapterRank === 0 && blocks.filter((block) => hasBranch([block], 'shared')).length > 1;
  }),
  feature('lfm2', 'short convolutions with biases', 'lfm2', ({ blocks, biases }) => {
    return hasBranch(blocks, 'short_conv') && biases!.includes('short_conv');
  }),
  feature('lfm2', 'attention with norms of q and k', 'lfm2', ({ attention }) => attention!.qkNorm === 'head'),
  feature('lfm2_moe', 'experts by sigmoids with a bias, behind dense blocks', 'lfm2-moe', ({ blocks, moe }) => {
    return hasBranch(blocks, 'swiglu') && moe!.routing!.scores === 'sigmoid' && moe!.routing!.biased;
  }),
  feature('qwen3_5_text', 'gated delta mixers, keys shared by value heads', 'qwen3-5', ({ gatedDelta }) => {
    return gatedDelta!.valueHeads > gatedDelta!.keyHeads;
  }),
  feature('qwen3_5_text', 'attention with a gate', 'qwen3-5', ({ attention }) => attention!.gated === true),
  feature('qwen3_5', 'text of a model with eyes', 'qwen3-5-vlm', ({ family }) => family === 'qwen3_5'),
  feature(
    'qwen3_5_moe_text',
    'experts beside an MLP with a gate',
    'qwen3-5-moe',
    ({ moe }) => moe!.sharedGate === true,
  ),
  feature('qwen3_next', 'gated delta mixers with rows by key head', 'qwen3-next', ({ blocks }) => {
    return hasBranch(blocks, 'gated_delta');
  }),
  feature(
    'olmo_hybrid',
    'states that change their sign',
    'olmo-hybrid',
    ({ gatedDelta }) => gatedDelta!.betaScale === 2,
  ),
  feature('olmo_hybrid', 'norms behind attention and before delta mixers', 'olmo-hybrid', ({ normPlaces }) => {
    return normPlaces!.includes('after') && normPlaces!.includes('before');
  }),
  feature('recurrent_gemma', 'recurrent blocks of several heads', 'recurrent-gemma', ({ rgLru }) => rgLru!.heads > 1),
  feature('recurrent_gemma', 'attention over a window, capped logits', 'recurrent-gemma', ({ attention, logitCap }) => {
    return attention!.window !== undefined && logitCap !== undefined;
  }),
  feature('zamba2', 'two transformers that three blocks share in turn', 'zamba2-norope', ({ blocks, shared }) => {
    return shared!.sets === 2 && blocks.filter((block) => hasBranch([block], 'shared')).length === 3;
  }),
  feature('zamba2', 'shared attention without positions', 'zamba2-norope', (architecture) => !turns(architecture)),
  feature('zamba2', 'two groups, each with a norm of its own', 'zamba2-groups', ({ mamba2 }) => {
    return mamba2!.groups === 2 && mamba2!.normGroups === 2;
  }),
  feature('zamba2', 'shared attention with positions', 'zamba2-groups', turns),
  feature('llama', 'attention alone, of shared keys', 'llama3', shares),
  feature('llama', 'positions scaled as in Llama 3', 'llama3', turns),
  feature('bamba', 'biases of every matrix', 'bamba-biases', ({ biases }) => biases?.length === 5),
  feature('granite', 'factors everywhere', 'granite', ({ embeddingScale, logitScale, attention }) => {
    return embeddingScale !== 1 && logitScale !== 1 && attention!.scale !== 0.25;
  }),
  feature('granitemoe', 'a mixture of experts in the place of the MLP', 'granitemoe', ({ blocks }) => {
    return blocks.every((block) => block.at(-1)!.join() === 'moe');
  }),
  feature('mistral', 'a window in every block', 'mistral', ({ attention }) => {
    return attention!.window === 24 && attention!.layers!.every(({ window }) => window);
  }),
  feature('qwen2', 'biases of q, k and v', 'qwen2', ({ biases }) => biases!.join() === 'qkv'),
  feature('qwen2', 'a window in the last block', 'qwen2', ({ attention }) => {
    return attention!.layers!.map(({ window }) => window).join() === 'false,false,true' && attention!.window === 24;
  }),
  feature('qwen3', 'norms of q and k over each head', 'qwen3', ({ attention }) => attention!.qkNorm === 'head'),
  feature('olmo', 'LayerNorms', 'olmo', ({ norm }) => norm === 'layer'),
  feature('olmo', 'q, k and v clipped', 'olmo', ({ attention }) => attention!.qkvLimit === 1),
  feature('olmo2', 'norms behind branches', 'olmo2', ({ normPlaces }) => normPlaces!.every((at) => at === 'after')),
  feature('olmo2', 'norms of q and k over their widths', 'olmo2', ({ attention }) => attention!.qkNorm === 'width'),
  feature('phi3', 'three quarters of each head turned', 'phi3', ({ attention }) => attention!.rope!.dims === 12),
  feature('smollm3', 'a block without positions', 'smollm3', ({ attention }) => {
    return attention!.layers!.map(({ rope }) => rope).join() === 'main,main,none,main';
  }),
  feature('gemma2', 'norms around branches', 'gemma2', ({ normPlaces }) => normPlaces!.every((at) => at === 'both')),
  feature('gemma2', 'GELU by tanh', 'gemma2', ({ activation }) => activation === 'gelu_tanh'),
  feature('gemma2', 'capped scores and logits', 'gemma2', ({ attention, logitCap }) => {
    return attention!.scoreCap === 5 && logitCap === 8;
  }),
  feature('gemma3_text', 'blocks with a window that turn in a way of their own', 'gemma3', ({ attention }) => {
    const layers = attention!.layers!.map(({ window, rope }) => `${window} ${rope}`);
    return layers.join() === 'true local,true local,false main,true local' && attention!.localRope !== undefined;
  }),
  feature('gemma3_text', 'norms of q and k stored from one', 'gemma3', ({ attention }) => attention!.qkNorm === 'head'),
  feature('gemma2', 'a window in every other block', 'gemma2', ({ attention }) => {
    return attention!.layers!.map(({ window }) => Number(window)).join('') === '1010';
  }),
];

function feature(family: string, name: string, golden: string, holds: Feature['holds']): Feature {
  return { family, feature: name, golden, holds };
}

/** Names of all goldens in the tree. */
export const GOLDENS: readonly string[] = [...new Set(FEATURES.map(({ golden }) => golden))];

/** Any other value than the one that goldens have is refused, which the test of coverage tries. */
export const REFUSED = 'Any other value is refused.';
const SEEN = 'Goldens that have it are not in the tree; random-models.gpu.test.ts has it against our reference.';
const DEFAULT = 'All goldens here have the default, so that a model without it is the same.';
const SPELLING = 'Another spelling of what goldens have: families.test.ts and rope.test.ts.';
const DERIVED = 'What it says follows from other fields as well: families.test.ts.';
const LENGTH = 'It bounds the context, and changes no value within it: config.test.ts.';
const MLX = 'Checkpoints of MLX have it, and are refused: config.test.ts.';
const TENSORS = 'The tensors decide, whatever it says: checkpoint.test.ts.';
const END_IDS = 'It may hold ids that end answers: config.test.ts.';
const LARGE =
  'Goldens that have it are too large for the tree; random-models.gpu.test.ts has it against our reference.';

const every = (reason: string, ...fields: string[]) => Object.fromEntries(fields.map((field) => [field, reason]));

/**
 * Fields that a family's parser reads and that no golden would miss, by name, or by `family: name`, with the reason. A field
 * counts as covered where the model would be another one without it.
 */
export const UNCOVERED: Readonly<Record<string, string>> = {
  ...every(REFUSED, 'hidden_act', 'mamba_d_conv', 'conv_kernel'),
  ...every(REFUSED, 'nemotron_h: attention_bias', 'nemotron_h: mamba_proj_bias'),
  ...every(SEEN, 'mamba_proj_bias', 'falcon_h1: projectors_bias', 'use_bias', 'zamba2: add_bias_linear'),
  ...every(SEEN, 'zamba2: use_shared_attention_adapter', 'qwen3_5: text_config.attention_bias'),
  ...every(SEEN, 'nemotron_h: n_routed_experts', 'nemotron_h: num_experts_per_tok'),
  ...every(SEEN, 'nemotron_h: n_group', 'nemotron_h: topk_group', 'nemotron_h: routed_scaling_factor'),
  ...every(SEEN, 'nemotron_h: moe_intermediate_size', 'nemotron_h: moe_latent_size'),
  ...every(SEEN, 'nemotron_h: moe_shared_expert_intermediate_size'),
  ...every(REFUSED, 'bamba: partial_rotary_factor', 'bamba: rope_parameters.partial_rotary_factor'),
  ...every(REFUSED, 'nemotron_h: mlp_hidden_act', 'nemotron_h: mamba_hidden_act', 'nemotron_h: sliding_window'),
  ...every(REFUSED, 'zamba2: use_long_context', 'zamba2: use_shared_mlp_adapter'),
  ...every(REFUSED, 'lfm2: block_use_swiglu', 'linear_conv_kernel_dim'),
  ...every(
    REFUSED,
    'recurrent_gemma: conv1d_width',
    'qwen3_5_moe_text: mlp_only_layers',
    'qwen3_next: mlp_only_layers',
  ),
  ...every(REFUSED, 'qwen3_5_moe_text: decoder_sparse_step', 'qwen3_next: decoder_sparse_step'),
  ...every(REFUSED, 'qwen3_5: text_config.hidden_act', 'qwen3_5: text_config.linear_conv_kernel_dim'),
  ...every(
    DEFAULT,
    'attn_output_gate',
    'qwen3_5: text_config.attn_output_gate',
    'conv_L_cache',
    'norm_eps',
    'lfm2_moe: conv_bias',
    'norm_topk_prob',
  ),
  ...every(DEFAULT, 'lfm2: block_auto_adjust_ff_dim', 'lfm2: block_ffn_dim_multiplier', 'lfm2_moe: num_dense_layers'),
  ...every(DEFAULT, 'lfm2_moe: routed_scaling_factor', 'lfm2_moe: use_expert_bias', 'partial_rotary_factor'),
  ...every(DEFAULT, 'rope_parameters.partial_rotary_factor', 'olmo_hybrid: linear_allow_neg_eigval'),
  ...every(DEFAULT, 'recurrent_gemma: block_types', 'qwen3_5: text_config.partial_rotary_factor'),
  ...every(DEFAULT, 'qwen3_5: text_config.rms_norm_eps', 'qwen3_5: text_config.rope_parameters.partial_rotary_factor'),
  ...every(DEFAULT, 'qwen3_5: text_config.rope_parameters.rope_type', 'qwen3_5: text_config.rope_parameters.factor'),
  ...every(DEFAULT, 'qwen3_5: text_config.rope_parameters.original_max_position_embeddings'),
  ...every(DERIVED, 'olmo_hybrid: linear_key_head_dim', 'olmo_hybrid: linear_num_key_heads'),
  ...every(DERIVED, 'olmo_hybrid: linear_num_value_heads', 'olmo_hybrid: linear_value_head_dim'),
  ...every(DERIVED, 'recurrent_gemma: lru_width'),
  ...every(SPELLING, 'lfm2: block_ff_dim', 'full_attn_idxs', 'tie_embedding', 'qwen3_5: text_config.rope_theta'),
  ...every(SPELLING, 'qwen3_5: text_config.layers_block_type', 'qwen3_5: text_config.rope_parameters.type'),
  ...every(SPELLING, 'qwen3_5: text_config.rope_scaling'),
  ...every(END_IDS, 'qwen3_5: eos_token_id'),
  ...every(DEFAULT, 'jamba: expert_layer_offset', 'jamba: expert_layer_period', 'jamba: num_experts_per_tok'),
  ...every(DEFAULT, 'mamba_d_state', 'jamba: tie_word_embeddings', 'mamba: state_size'),
  ...every(DEFAULT, 'zamba: n_mamba_heads', 'zamba: tie_word_embeddings'),
  ...every(DERIVED, 'mamba: intermediate_size', 'mamba: time_step_rank', 'mamba_dt_rank'),
  ...every(REFUSED, 'zamba: hidden_mamba_act'),
  ...every(DEFAULT, 'rms_norm_eps', 'layer_norm_epsilon', 'falcon_mamba: mixer_rms_eps', 'falcon_mamba: state_size'),
  ...every(DEFAULT, 'attention_bias', 'mlp_bias', 'hidden_activation', 'tie_word_embeddings', 'use_sliding_window'),
  ...every(DEFAULT, 'max_window_layers', 'num_key_value_heads', 'granitemoe: num_local_experts'),
  ...every(
    DEFAULT,
    'granitemoe: num_experts_per_tok',
    'mamba_conv_bias',
    'use_conv_bias',
    'mamba_expand',
    'mamba2: expand',
    'time_step_limit',
  ),
  ...every(DEFAULT, 'granitemoehybrid: num_local_experts', 'llama: partial_rotary_factor'),
  ...every(DEFAULT, 'rope_parameters', 'rope_parameters.rope_theta', 'rope_parameters.rope_type'),
  ...every(DEFAULT, 'rope_parameters.factor', 'rope_parameters.original_max_position_embeddings'),
  ...every(DEFAULT, 'llama: rope_parameters.low_freq_factor', 'llama: rope_parameters.high_freq_factor'),
  ...every(
    SPELLING,
    'layer_types',
    'layers_block_type',
    'zamba2: hybrid_layer_ids',
    'nemotron_h: hybrid_override_pattern',
  ),
  ...every(SPELLING, 'rope_theta', 'rope_parameters.type', 'rope_scaling', 'llama: rope_scaling.factor'),
  ...every(SPELLING, 'llama: rope_scaling.low_freq_factor', 'llama: rope_scaling.high_freq_factor'),
  ...every(SPELLING, 'llama: rope_scaling.rope_theta', 'llama: rope_scaling.rope_type', 'llama: rope_scaling.type'),
  ...every(SPELLING, 'llama: rope_scaling.original_max_position_embeddings'),
  ...every(SPELLING, 'phi3: partial_rotary_factor', 'phi3: rope_parameters.partial_rotary_factor'),
  ...every(DEFAULT, 'phi3: original_max_position_embeddings'),
  ...every(SPELLING, 'gemma3_text: sliding_window_pattern', 'gemma3_text: _sliding_window_pattern'),
  ...every(SPELLING, 'gemma3_text: rope_local_base_freq'),
  ...every(REFUSED, 'gemma3_text: use_bidirectional_attention'),
  ...every(DEFAULT, 'gemma3_text: attn_logit_softcapping', 'gemma3_text: final_logit_softcapping'),
  ...every(DEFAULT, 'gemma3_text: rope_parameters.full_attention.rope_theta'),
  ...every(
    DEFAULT,
    ...['factor', 'original_max_position_embeddings', 'rope_type'].map(
      (field) => `gemma3_text: rope_parameters.sliding_attention.${field}`,
    ),
  ),
  ...every(DEFAULT, 'gemma3_text: rope_parameters.full_attention.original_max_position_embeddings'),
  ...every(
    SPELLING,
    ...['full_attention', 'sliding_attention'].map((sort) => `gemma3_text: rope_parameters.${sort}.type`),
  ),
  ...every(DERIVED, 'head_dim', 'attention_head_dim', 'nemotron_h: num_hidden_layers', 'zamba2: num_key_value_heads'),
  ...every(DERIVED, 'falcon_mamba: intermediate_size', 'falcon_mamba: time_step_rank', 'quantization_config'),
  ...every(DERIVED, 'bamba: quantization_config.config_groups', 'bamba: quantization_config.config_groups.group_0'),
  ...every(DERIVED, 'bamba: quantization_config.config_groups.group_0.weights'),
  ...every(DERIVED, 'mamba_d_head', 'zamba2: mamba_headdim'),
  ...every(SPELLING, 'compression_config'),
  ...every(MLX, 'quantization'),
  ...every(END_IDS, 'text_config'),
  ...every(
    TENSORS,
    ...['format', 'quant_algo', 'quant_method', 'weight_block_size'].map(
      (field) => `bamba: quantization_config.${field}`,
    ),
    ...['format', 'weights.num_bits', 'weights.strategy', 'weights.symmetric', 'weights.type'].map(
      (field) => `bamba: quantization_config.config_groups.group_0.${field}`,
    ),
  ),
  ...every(LENGTH, 'max_position_embeddings'),
  ...every(LARGE, 'granitemoehybrid: mamba_n_groups', 'bamba: tie_word_embeddings'),
};
