import { BambaError } from '../../errors.ts';
import { attentionBlocks, attentionFields, commonFields, type GgufModel, rmsEps } from './common.ts';
import type { GgufFacts } from './facts.ts';
import { type GgufNames, halves, MOST_EXPERTS } from './names.ts';
import { mambaFields, mixerNames } from './mixers.ts';
import { ATTENTION_NAMES, mlpNames, MODEL_NAMES, neighbours, transformer } from './transformers.ts';

// Granite, with mixers of Mamba-2 and without, and Bamba, whose files have the same architecture.

/** Constant factors. */
function factors({ metadata }: GgufFacts): Record<string, number> {
  return {
    embedding_multiplier: metadata.number('.embedding_scale', 1),
    residual_multiplier: metadata.number('.residual_scale', 1),
    attention_multiplier: metadata.number('.attention.scale'),
    logits_scaling: metadata.number('.logit_scale', 1),
  };
}

/** Fields of a mixture of experts. */
function expertFields(facts: GgufFacts): { num_local_experts: number } & Record<string, number> {
  return {
    num_local_experts: facts.metadata.countUpTo(MOST_EXPERTS, '.expert_count'),
    num_experts_per_tok: facts.metadata.count('.expert_used_count'),
    intermediate_size: facts.columnsInBlocks('ffn_down_exps.weight'),
  };
}

/** Names of a mixture's tensors. Checkpoints stack gate and up. */
function expertNames(facts: GgufFacts): Required<Pick<GgufNames, 'block' | 'joined'>> {
  const { num_local_experts: experts, intermediate_size: width } = expertFields(facts);
  return {
    block: {
      ffn_gate_inp: 'block_sparse_moe.router.layer',
      ffn_down_exps: 'block_sparse_moe.output_linear',
    },
    joined: [
      {
        to: 'block_sparse_moe.input_linear.weight',
        parts: halves('ffn_gate_exps.weight', 'ffn_up_exps.weight', width as number, experts),
        experts,
      },
    ],
  };
}

/** Granite 2 to 4 without mixers of Mamba. */
export function granite(facts: GgufFacts): GgufModel {
  requirePositions(facts);
  return transformer(facts, { config: { model_type: 'granite', ...factors(facts) }, block: neighbours(facts) });
}

/** Granite 3 with a mixture of experts; with an MLP beside it, it is a Granite 4 whose blocks are all attention. */
export function graniteMoe(facts: GgufFacts): GgufModel {
  if (facts.hasInBlocks('ffn_down_shexp.weight')) return granite4(facts, facts.blocksWith('attn_q.weight'), true);
  requirePositions(facts);
  const { block, joined } = expertNames(facts);
  return transformer(facts, {
    config: { model_type: 'granitemoe', ...factors(facts), ...expertFields(facts) },
    block: { ...neighbours(facts), ...block },
    joined,
  });
}

/** Whether heads turn, where the file says so by the key that stands for it. */
function turns({ metadata }: GgufFacts, usual: boolean): boolean {
  return metadata.flag('.rope.scaling.finetuned', usual);
}

function requirePositions(facts: GgufFacts): void {
  if (turns(facts, true)) return;
  throw new BambaError(
    'unsupported_model',
    `${facts.metadata.file} is a Granite whose blocks are all attention without positions. Load the model's checkpoint ` +
      'in safetensors format.',
  );
}

/** Granite 4.0-H; without its constant factors it is Bamba. */
export function graniteHybrid(facts: GgufFacts): GgufModel {
  const isAttention = attentionBlocks(facts);
  return facts.metadata.has('.embedding_scale') ? granite4(facts, isAttention, false) : bamba(facts, isAttention);
}

/** The fields that Granite 4.0-H and Bamba share. */
function hybridFields(facts: GgufFacts, isAttention: readonly boolean[]): Record<string, unknown> {
  return {
    ...commonFields(facts),
    ...(isAttention.includes(true) ? attentionFields(facts) : {}),
    ...(isAttention.includes(false) ? mambaFields(facts) : {}),
    layer_types: isAttention.map((is) => (is ? 'attention' : 'mamba')),
    max_position_embeddings: facts.metadata.count('.context_length'),
    rms_norm_eps: rmsEps(facts),
  };
}

function hybridNames(facts: GgufFacts): GgufNames['block'] {
  return { attn_norm: 'input_layernorm', ...ATTENTION_NAMES, ...neighbours(facts), ...mixerNames('mamba') };
}

function bamba(facts: GgufFacts, isAttention: readonly boolean[]): GgufModel {
  return {
    config: {
      model_type: 'bamba',
      ...hybridFields(facts, isAttention),
      intermediate_size: facts.columnsInBlocks('ffn_down.weight'),
      attention_bias: facts.hasInBlocks('attn_q.bias'),
      mlp_bias: facts.hasInBlocks('ffn_down.bias'),
    },
    names: {
      model: { ...MODEL_NAMES, 'output_norm.weight': 'model.final_layernorm.weight' },
      layers: 'model.layers',
      block: { ...hybridNames(facts), ffn_norm: 'pre_ff_layernorm', ...mlpNames('feed_forward') },
    },
  };
}

/** @param usual whether heads turn where the file does not say */
function granite4(facts: GgufFacts, isAttention: readonly boolean[], usual: boolean): GgufModel {
  const hasExperts = facts.metadata.optionalCount('.expert_count') !== undefined;
  const shared = hasExperts ? '_shexp' : '';
  const width = facts.columnsInBlocks(`ffn_down${shared}.weight`);
  const experts = hasExperts ? expertNames(facts) : { block: {}, joined: [] };
  return {
    config: {
      model_type: 'granitemoehybrid',
      ...hybridFields(facts, isAttention),
      attention_bias: facts.hasInBlocks('attn_q.bias'),
      position_embedding_type: turns(facts, usual) ? 'rope' : 'nope',
      ...(hasExperts ? expertFields(facts) : { num_local_experts: 0 }),
      shared_intermediate_size: width,
      ...factors(facts),
    },
    names: {
      model: MODEL_NAMES,
      layers: 'model.layers',
      block: {
        ...hybridNames(facts),
        ffn_norm: 'post_attention_layernorm',
        [`ffn_down${shared}`]: 'shared_mlp.output_linear',
        ...experts.block,
      },
      joined: [
        {
          to: 'shared_mlp.input_linear.weight',
          parts: halves(`ffn_gate${shared}.weight`, `ffn_up${shared}.weight`, width),
        },
        ...experts.joined,
      ],
    },
  };
}
