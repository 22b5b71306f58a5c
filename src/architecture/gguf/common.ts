import type { GgufFacts } from './facts.ts';
import type { GgufNames } from './names.ts';

// Fields of config.json that most architectures have.

/** A model of a GGUF file, as a checkpoint would have it. */
export interface GgufModel {
  /** Fields of config.json. */
  config: Readonly<Record<string, unknown>>;
  names: GgufNames;
}

/** Sizes, the head and the ids that end an answer. */
export function commonFields(facts: GgufFacts): Record<string, unknown> {
  const { metadata, vocabSize, blocks } = facts;
  return {
    vocab_size: vocabSize,
    hidden_size: metadata.count('.embedding_length'),
    num_hidden_layers: blocks,
    tie_word_embeddings: !facts.tensors.has('output.weight'),
    ...endFields(facts),
  };
}

/** Tokens that end an answer, or a turn of it. */
function endFields({ metadata, vocabSize }: GgufFacts): Record<string, unknown> {
  const keys = ['eos_token_id', 'eot_token_id', 'eom_token_id'];
  const ids = keys.flatMap((key) => metadata.tokenId(`tokenizer.ggml.${key}`, vocabSize) ?? []);
  return ids.length > 0 ? { eos_token_id: [...new Set(ids)] } : {};
}

/** Attention, where all blocks that have it have it alike. */
export function attentionFields(facts: GgufFacts): Record<string, unknown> {
  const { metadata } = facts;
  const heads = largest(facts.perBlock('.attention.head_count'));
  const kvHeads = metadata.has('.attention.head_count_kv')
    ? largest(facts.perBlock('.attention.head_count_kv'))
    : heads;
  return {
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim(facts),
    max_position_embeddings: metadata.count('.context_length'),
    rope_theta: metadata.number('.rope.freq_base', 10_000),
    ...ropeFields(facts),
  };
}

/** Rows of a head: stated, or those of q over the heads. */
export function headDim(facts: GgufFacts): number {
  const { metadata } = facts;
  const stated = metadata.optionalCount('.attention.key_length');
  if (stated !== undefined) return stated;
  const heads = largest(facts.perBlock('.attention.head_count'));
  return metadata.count('.embedding_length') / Math.max(1, heads);
}

/** The share of a head that turns. */
export function rotaryShare(facts: GgufFacts): number {
  const width = headDim(facts);
  return facts.metadata.count('.rope.dimension_count', width) / width;
}

/** The epsilon that RMSNorms add to a mean of squares. */
export function rmsEps({ metadata }: GgufFacts): number {
  return metadata.number('.attention.layer_norm_rms_epsilon');
}

/** Which blocks have attention, where the others have a recurrence. */
export function attentionBlocks(facts: GgufFacts): boolean[] {
  return facts.perBlock('.attention.head_count_kv').map((heads) => heads > 0);
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** `rope_scaling`. Divisors of each pair come as tensors: those of Llama 3 under one name, those of longrope under two. */
function ropeFields(facts: GgufFacts): Record<string, unknown> {
  const { metadata } = facts;
  const all = facts.list('rope_freqs.weight');
  if (all) return { rope_scaling: { rope_type: 'longrope', short_factor: all, long_factor: all, attention_factor: 1 } };
  const original = metadata.optionalCount('.rope.scaling.original_context_length');
  const trained = original === undefined ? {} : { original_max_position_embeddings: original };
  const [long, short] = [facts.list('rope_factors_long.weight'), facts.list('rope_factors_short.weight')];
  if (long && short) {
    const attention = metadata.optionalNumber('.rope.scaling.attn_factor');
    return {
      rope_scaling: {
        rope_type: 'longrope',
        short_factor: short,
        long_factor: long,
        ...trained,
        ...(attention !== undefined && { attention_factor: attention }),
      },
    };
  }
  const type = metadata.text('.rope.scaling.type', 'none');
  if (type === 'none') return {};
  const betas = ['beta_fast', 'beta_slow'].flatMap((name) => {
    const value = metadata.optionalNumber(`.rope.scaling.yarn_${name}`);
    return value === undefined ? [] : [[name, value] as const];
  });
  const factor = metadata.number('.rope.scaling.factor', 1);
  return { rope_scaling: { rope_type: type, factor, ...trained, ...Object.fromEntries(betas) } };
}
