import { type GgufModel, headDim } from './common.ts';
import type { GgufFacts } from './facts.ts';
import type { NameRule } from './names.ts';
import { MODEL_NAMES, transformer } from './transformers.ts';

// Gemma in GGUF files. Weights of its norms are stored as they are, and in checkpoints as what they are beyond 1.

/** The largest models scale scores by the width of the stream for each head, and not by the width of a head. */
const LARGEST = { gemma2: 46, gemma3: 62 };

/** Blocks of Gemma 2 with a window take turns with those without; of Gemma 3, every sixth is without. */
const PERIODS = { gemma2: 2, gemma3: 6 };

const GEMMA2_WINDOW = 4096;
const GEMMA3_LOCAL_BASE = 10_000;

const norm = (to: string): NameRule => ({ to, map: 'minus_one' });

/** Names of the norms that both have, and of the whole model. */
const NAMES = {
  model: { ...MODEL_NAMES, 'output_norm.weight': norm('model.norm.weight') },
  block: {
    attn_norm: norm('input_layernorm'),
    post_attention_norm: norm('post_attention_layernorm'),
    ffn_norm: norm('pre_feedforward_layernorm'),
    post_ffw_norm: norm('post_feedforward_layernorm'),
    attn_q_norm: norm('self_attn.q_norm'),
    attn_k_norm: norm('self_attn.k_norm'),
  },
};

export function gemma2(facts: GgufFacts): GgufModel {
  return gemma(facts, 'gemma2', {
    model_type: 'gemma2',
    sliding_window: facts.metadata.count('.attention.sliding_window', GEMMA2_WINDOW),
  });
}

export function gemma3(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  return gemma(facts, 'gemma3', {
    model_type: 'gemma3_text',
    rope_local_base_freq: metadata.number('.rope.freq_base_swa', GEMMA3_LOCAL_BASE),
    sliding_window: metadata.count('.attention.sliding_window'),
  });
}

function gemma(
  facts: GgufFacts,
  name: keyof typeof PERIODS,
  config: { model_type: string; sliding_window: number; rope_local_base_freq?: number },
): GgufModel {
  const { metadata, blocks } = facts;
  const perHead = metadata.count('.embedding_length') / metadata.count('.attention.head_count');
  const cap = (key: string) => metadata.optionalNumber(key) ?? null;
  return transformer(facts, {
    config: {
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: blocks === LARGEST[name] ? perHead : headDim(facts),
      attn_logit_softcapping: cap('.attn_logit_softcapping'),
      final_logit_softcapping: cap('.final_logit_softcapping'),
      layer_types: windows(facts, PERIODS[name]).map((has) => (has ? 'sliding_attention' : 'full_attention')),
      ...config,
    },
    ...NAMES,
  });
}

/** Which blocks have a window: as the file says, or all but every so manieth. */
function windows(facts: GgufFacts, usual: number): readonly boolean[] {
  const key = '.attention.sliding_window_pattern';
  if (facts.metadata.isList(key)) return facts.flagsOfBlocks(key) ?? [];
  const period = facts.metadata.count(key, usual);
  return Array.from({ length: facts.blocks }, (_, block) => (block + 1) % period !== 0);
}
