import { BambaError } from '../../errors.ts';
import { attentionFields, commonFields, type GgufModel, headDim, rmsEps, rotaryShare } from './common.ts';
import type { GgufFacts } from './facts.ts';
import type { GgufNames, NameRule } from './names.ts';

// Transformers in GGUF files.

/** Names that all of them have. */
export const MODEL_NAMES = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

/** Projections of attention, and norms of q and k. */
export const ATTENTION_NAMES = {
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
};

/** Projections of a gated MLP in the module of this name. */
export function mlpNames(module: string): Record<string, string> {
  return { ffn_gate: `${module}.gate_proj`, ffn_up: `${module}.up_proj`, ffn_down: `${module}.down_proj` };
}

/** Llama's block. */
export const BLOCK_NAMES = {
  attn_norm: 'input_layernorm',
  ffn_norm: 'post_attention_layernorm',
  ...ATTENTION_NAMES,
  ...mlpNames('mlp'),
};

/** Rows of q and k of those architectures that turn neighbours with each other, and not halves of a head. */
export function neighbours(facts: GgufFacts): Record<string, NameRule> {
  const width = headDim(facts);
  const rotary = { headDim: width, dims: width };
  return { attn_q: { to: ATTENTION_NAMES.attn_q, rotary }, attn_k: { to: ATTENTION_NAMES.attn_k, rotary } };
}

/** The parts of a transformer that differ from Llama's. */
interface TransformerParts extends Partial<Pick<GgufNames, 'model' | 'joined'>> {
  /** Fields of config.json. */
  config: Readonly<Record<string, unknown>> & { model_type: string };
  /** Names of a block's tensors, beside those of Llama's blocks or in their place. */
  block?: GgufNames['block'];
}

/** A transformer: blocks of attention and an MLP. */
export function transformer(facts: GgufFacts, { config, block = {}, ...names }: TransformerParts): GgufModel {
  const { metadata } = facts;
  const eps = '.attention.layer_norm_rms_epsilon';
  return {
    config: {
      ...commonFields(facts),
      ...attentionFields(facts),
      intermediate_size: metadata.count('.feed_forward_length'),
      ...(metadata.has(eps) && { rms_norm_eps: rmsEps(facts) }),
      attention_bias: facts.hasInBlocks('attn_q.bias'),
      mlp_bias: facts.hasInBlocks('ffn_down.bias'),
      ...config,
    },
    names: { model: MODEL_NAMES, layers: 'model.layers', block: { ...BLOCK_NAMES, ...block }, ...names },
  };
}

/** Llama, and Mistral, whose files call themselves so. */
export function llama(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  if (metadata.optionalCount('.expert_count') !== undefined) {
    throw metadata.invalid('.expert_count', 'has to be 0: mixtures of experts are not supported');
  }
  return transformer(facts, {
    config: { model_type: 'llama', partial_rotary_factor: rotaryShare(facts) },
    block: neighbours(facts),
  });
}

export function qwen2(facts: GgufFacts): GgufModel {
  return transformer(facts, { config: { model_type: 'qwen2', use_sliding_window: false } });
}

export function qwen3(facts: GgufFacts): GgufModel {
  return transformer(facts, { config: { model_type: 'qwen3', use_sliding_window: false } });
}

/** Phi-3 and Phi-4-mini: q, k and v are one matrix, gate and up another. */
export function phi3(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  return transformer(facts, {
    config: {
      model_type: 'phi3',
      partial_rotary_factor: rotaryShare(facts),
      original_max_position_embeddings:
        metadata.optionalCount('.rope.scaling.original_context_length') ?? metadata.count('.context_length'),
      sliding_window: metadata.optionalCount('.attention.sliding_window') ?? null,
    },
    block: { attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' },
  });
}

/** Every so manieth block of SmolLM3 has no positions; files do not say how manieth. */
const SMOLLM3_INTERVAL = 4;

export function smollm3(facts: GgufFacts): GgufModel {
  return transformer(facts, {
    config: { model_type: 'smollm3', no_rope_layer_interval: SMOLLM3_INTERVAL, use_sliding_window: false },
    block: neighbours(facts),
  });
}

/** The first OLMo, whose norms have no weights. */
export function olmo(facts: GgufFacts): GgufModel {
  const clip = facts.metadata.optionalNumber('.attention.clamp_kqv');
  return transformer(facts, {
    config: { model_type: 'olmo', ...(clip !== undefined && { clip_qkv: clip }) },
    block: neighbours(facts),
  });
}

/** OLMo 2. Files of OLMo 3 call themselves so, too, and have windows. */
export function olmo2(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  if (metadata.optionalCount('.attention.sliding_window') !== undefined) {
    throw new BambaError(
      'unsupported_model',
      `${metadata.file} is of OLMo 3, whose blocks have windows; of OLMo, the first and OLMo 2 are supported. ` +
        'Load another model.',
    );
  }
  return transformer(facts, {
    config: { model_type: 'olmo2' },
    block: { post_attention_norm: 'post_attention_layernorm', post_ffw_norm: 'post_feedforward_layernorm' },
  });
}
