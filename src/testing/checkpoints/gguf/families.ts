import type { GgufEntry } from '../test-gguf.ts';
import * as keys from './metadata.ts';
import type { Keys } from './metadata.ts';
import * as rules from './rules.ts';
import type { Config, Rule } from './rules.ts';

// What a converter makes of each family of checkpoints, in tables.

export interface GgufFamily {
  /** `general.architecture`. */
  architecture: string;
  /** Fields that a file cannot hold in another way. */
  held?: Config;
  /** The family that it is read as, where that is another. */
  readAs?: string;
  /** Of tensors in blocks; the first that fits counts. */
  rules: readonly Rule[];
  /** Of the final norm, where not its weight alone is kept. */
  finalNorm?: (value: number) => number;
  /** Names of metadata, beside those that all have. */
  keys: readonly Keys[];
  /** What models with experts are made into, where that is another architecture. */
  withExperts?: GgufFamily;
}

const DENSE = [...rules.ATTENTION, ...rules.MLP, ...rules.NORMS];
const DENSE_TURNED = [...rules.TURNED, ...DENSE];
const HYBRID = [...rules.MAMBA2, ...rules.TURNED, ...rules.GRANITE_EXPERTS, ...rules.ROUTER, ...DENSE];
const GEMMA = [...rules.NORMS_AROUND, ...rules.ATTENTION, ...rules.MLP];
const QWEN_EXPERTS = [...rules.ROUTER, ...rules.SHARED_EXPERT];
/** Biases that no GGUF architecture has. */
const NO_BIASES = {
  attention_bias: false,
  mlp_bias: false,
  mamba_proj_bias: false,
  projectors_bias: false,
  use_bias: false,
};
const plusOne = (value: number) => value + 1;

/** By `model_type`. */
export const GGUF_FAMILIES: Readonly<Record<string, GgufFamily>> = {
  bamba: {
    architecture: 'granitehybrid',
    held: { mamba_proj_bias: false },
    rules: HYBRID,
    keys: [keys.attentionOfSome, keys.mamba2, keys.finetuned],
  },
  falcon_h1: {
    architecture: 'falcon-h1',
    // Those two stay in the config of a checkpoint, and go into the weights of a file.
    held: { ...NO_BIASES, embedding_multiplier: 1, lm_head_multiplier: 1, mamba_norm_before_gate: false },
    rules: [...rules.MAMBA2, ...DENSE],
    keys: [keys.attention, keys.mamba2],
  },
  falcon_mamba: {
    architecture: 'mamba',
    held: NO_BIASES,
    rules: [...rules.MAMBA1, ...rules.NORMS],
    keys: [keys.mamba1, keys.normsOfDtBC],
  },
  gemma2: {
    architecture: 'gemma2',
    held: { attention_bias: false },
    rules: GEMMA,
    finalNorm: plusOne,
    keys: [keys.attention, keys.window, keys.caps],
  },
  gemma3_text: {
    architecture: 'gemma3',
    held: { hidden_activation: 'gelu_pytorch_tanh', query_pre_attn_scalar: 16 },
    rules: GEMMA,
    finalNorm: plusOne,
    keys: [keys.attention, keys.window, keys.windowsOfSome, keys.localBase],
  },
  granite: { architecture: 'granite', rules: DENSE_TURNED, keys: [keys.attention, keys.graniteFactors] },
  granitemoe: {
    architecture: 'granitemoe',
    rules: [...rules.TURNED, ...rules.GRANITE_EXPERTS, ...rules.ROUTER, ...DENSE],
    keys: [keys.attention, keys.graniteFactors, keys.experts],
  },
  granitemoehybrid: {
    architecture: 'granitehybrid',
    held: { mamba_proj_bias: false },
    rules: HYBRID,
    keys: [keys.attentionOfSome, keys.mamba2, keys.experts, keys.graniteFactors, keys.finetuned],
  },
  jamba: {
    architecture: 'jamba',
    held: NO_BIASES,
    rules: [...rules.MAMBA1, ...rules.ROUTER, ...DENSE],
    keys: [keys.attentionOfSome, keys.mamba1, keys.experts],
  },
  lfm2: {
    architecture: 'lfm2',
    held: { conv_bias: false },
    rules: [...rules.SHORT_CONV, ...DENSE],
    keys: [keys.attentionOfSome, keys.shortConv],
  },
  lfm2_moe: {
    architecture: 'lfm2moe',
    rules: [...rules.SHORT_CONV, ...rules.ROUTER, ...DENSE],
    keys: [keys.attentionOfSome, keys.shortConv, keys.experts, keys.denseFirst],
  },
  llama: {
    architecture: 'llama',
    held: { hidden_act: 'silu' },
    rules: DENSE_TURNED,
    keys: [keys.attention, keys.turning],
  },
  mamba: {
    architecture: 'mamba',
    held: { use_bias: false },
    rules: [...rules.MAMBA1, ...rules.NORMS],
    keys: [keys.mamba1],
  },
  mamba2: {
    architecture: 'mamba2',
    held: { ...NO_BIASES, time_step_limit: undefined },
    rules: [...rules.MAMBA2, ...rules.NORMS],
    keys: [keys.mamba2],
  },
  mistral: {
    architecture: 'llama',
    held: { sliding_window: null },
    readAs: 'llama',
    rules: DENSE_TURNED,
    keys: [keys.attention, keys.turning],
  },
  nemotron_h: {
    architecture: 'nemotron_h',
    rules: [...rules.MAMBA2, ...DENSE],
    keys: [keys.attentionOfSome, keys.mamba2, keys.widthOfSome],
    withExperts: {
      architecture: 'nemotron_h_moe',
      held: NO_BIASES,
      rules: [...rules.MAMBA2, ...rules.NEMOTRON_EXPERTS, ...DENSE],
      keys: [keys.attentionOfSome, keys.mamba2, keys.widthOfSome, keys.experts, keys.groupsOfExperts],
    },
  },
  olmo: { architecture: 'olmo', rules: DENSE_TURNED, keys: [keys.attention, keys.clip] },
  olmo2: { architecture: 'olmo2', rules: [...rules.NORMS_BEHIND, ...DENSE], keys: [keys.attention] },
  phi3: {
    architecture: 'phi3',
    rules: [[/^self_attn\.qkv_proj$/, 'attn_qkv'], [/^mlp\.gate_up_proj$/, 'ffn_up'], ...DENSE],
    keys: [keys.attention, keys.turning, keys.window, keys.longRope],
  },
  qwen2: { architecture: 'qwen2', held: { use_sliding_window: false }, rules: DENSE, keys: [keys.attention] },
  qwen3: { architecture: 'qwen3', rules: DENSE, keys: [keys.attention] },
  qwen3_5: {
    architecture: 'qwen35',
    readAs: 'qwen3_5_text',
    rules: [...rules.QWEN3_5, ...DENSE],
    finalNorm: plusOne,
    keys: [keys.attention, keys.turning, keys.delta],
  },
  qwen3_5_moe_text: {
    architecture: 'qwen35moe',
    held: NO_BIASES,
    rules: [...rules.QWEN3_5, ...QWEN_EXPERTS, ...DENSE],
    finalNorm: plusOne,
    keys: [keys.attention, keys.turning, keys.delta, keys.experts],
  },
  qwen3_5_text: {
    architecture: 'qwen35',
    held: NO_BIASES,
    rules: [...rules.QWEN3_5, ...DENSE],
    finalNorm: plusOne,
    keys: [keys.attention, keys.turning, keys.delta],
  },
  qwen3_next: {
    architecture: 'qwen3next',
    held: { ...NO_BIASES, norm_topk_prob: true },
    rules: [...rules.QWEN3_NEXT, ...QWEN_EXPERTS, ...DENSE],
    finalNorm: plusOne,
    keys: [keys.attention, keys.turning, keys.delta, keys.experts],
  },
  smollm3: {
    architecture: 'smollm3',
    held: { num_hidden_layers: 4, no_rope_layers: [1, 1, 1, 0] },
    rules: DENSE_TURNED,
    keys: [keys.attention],
  },
};

/** Families that no GGUF file can hold, with the reason. */
export const NOT_IN_GGUF: Readonly<Record<string, string>> = {
  olmo_hybrid: 'no architecture has its delta mixers behind OLMo norms',
  recurrent_gemma: 'no architecture has gated linear recurrences (RG-LRU)',
  zamba: 'no architecture has blocks that share one transformer',
  zamba2: 'no architecture has shared transformers with adapters',
};

/** What files of a config are made into; undefined where no file holds its models. */
export function ggufFamily(config: Config): GgufFamily | undefined {
  const type = String(config['model_type']);
  const family = Object.hasOwn(GGUF_FAMILIES, type) ? GGUF_FAMILIES[type] : undefined;
  return config['n_routed_experts'] === undefined ? family : (family?.withExperts ?? family);
}

/** Keys and values of a file's metadata. */
export function metadataOf(family: GgufFamily, model: rules.Model): Record<string, GgufEntry> {
  const named = [keys.sizes, ...family.keys].flatMap((each) => Object.entries(each(model)));
  return {
    'general.architecture': { text: family.architecture },
    ...Object.fromEntries(named.map(([key, value]) => [`${family.architecture}.${key}`, value])),
  };
}
