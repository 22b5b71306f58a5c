import { BambaError } from '../errors.ts';
import type { TensorSource, TensorSpec } from '../weights/types.ts';
import type { Architecture, Block, Mixer, MoeRouting, MoeShape } from './architecture.ts';
import { readAttention } from './attention-config.ts';
import { readBiases } from './biases-config.ts';
import { attentionTensors, expertTensors, gatedMlpTensors } from './block-tensors.ts';
import type { ConfigReader } from './config-reader.ts';
import { gatedDeltaTensors } from './gated-delta-tensors.ts';
import { agreed, MOST_LAYERS, readLayerTypes } from './layer-types.ts';
import { requireFixed } from './mamba2-config.ts';
import { modelTensors, normOf } from './model-tensors.ts';

// The parts that Qwen3-Next and Qwen3.5 share. Blocks have a gated delta mixer or attention with a gate, and an MLP or
// a mixture of experts beside one. Weights of their norms are stored as what they are beyond 1, but for the one inside
// a delta mixer.

const MIXERS = { linear_attention: 'gated_delta', full_attention: 'attention', attention: 'attention' } as const;

/** Shares of all experts, which are not those of the chosen alone. */
const UNNORMALIZED: MoeRouting = { scores: 'softmax', biased: false, sumEps: null, scale: 1, groups: 1, keptGroups: 1 };

/** The share of a head that turns, where the config does not say. */
const ROTARY_SHARE = 0.25;

/** Architecture of such a model. @throws BambaError `config_invalid` with the field, `unsupported_model`. */
export function qwenArchitecture(config: ConfigReader, family: string, moe: MoeShape | null): Architecture {
  requireFixed(config, {
    hidden_act: 'silu',
    attn_output_gate: true,
    linear_conv_kernel_dim: 4,
  });
  const hiddenSize = config.count('hidden_size');
  const own = config.number('partial_rotary_factor', { fallback: ROTARY_SHARE, above: 0, most: 1 });
  const share = config.child('rope_parameters')?.number('partial_rotary_factor', { fallback: own, above: 0, most: 1 });
  const { attention, maxPositions } = readAttention(config, { hiddenSize, rotary: { share: share ?? own } });
  const mixers = readMixers(config);
  const normEps = config.number('rms_norm_eps', { above: 0, most: 1 });
  const gatedDelta = {
    keyHeads: config.count('linear_num_key_heads'),
    valueHeads: config.count('linear_num_value_heads'),
    keyDim: config.count('linear_key_head_dim'),
    valueDim: config.count('linear_value_head_dim'),
    convWidth: 4,
    betaScale: 1,
    normEps,
  };
  return {
    family,
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count(moe ? 'shared_expert_intermediate_size' : 'intermediate_size'),
    blocks: mixers.map((mixer): Block => [[mixer], moe ? ['moe', 'swiglu'] : ['swiglu']]),
    mamba2: null,
    ...(mixers.includes('gated_delta') && { gatedDelta }),
    attention: mixers.includes('attention') ? { ...attention, qkNorm: 'head', gated: true } : null,
    ...(moe && { moe }),
    normEps,
    ...readBiases(config, { attention_bias: ['qkv', 'o_proj'] }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    maxPositions,
  };
}

function readMixers(config: ConfigReader): Mixer[] {
  const listed = agreed<Mixer>(config, readLayerTypes<Mixer>(config, MIXERS));
  if (listed) return listed;
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const interval = config.optionalCount('full_attention_interval') ?? 4;
  return Array.from({ length: count }, (_, index): Mixer =>
    (index + 1) % interval === 0 ? 'attention' : 'gated_delta',
  );
}

/**
 * The mixture of experts in every block.
 * @throws BambaError `unsupported_model` where some blocks have an MLP instead.
 */
export function readQwenMoe(config: ConfigReader): MoeShape {
  const denseBlocks = config.list('mlp_only_layers') ?? [];
  const step = config.optionalCount('decoder_sparse_step') ?? 1;
  if (denseBlocks.length > 0 || step > 1) {
    const field = step > 1 ? 'decoder_sparse_step' : 'mlp_only_layers';
    throw new BambaError(
      'unsupported_model',
      `config.json has blocks without experts among those with them (${field}); a model of this type has to have them in all.`,
    );
  }
  const experts = config.count('num_experts');
  return {
    experts,
    topK: config.count('num_experts_per_tok', { most: experts }),
    intermediateSize: config.count('moe_intermediate_size'),
    // Shares of all, divided by their sum, are those of the chosen alone.
    ...(!config.flag('norm_topk_prob', true) && { routing: UNNORMALIZED }),
    sharedGate: true,
  };
}

/** The rows of in_proj of a block's delta mixer, in the module of the given name: in the order z, q, k, v, b, a. */
export type DeltaRows = (theirs: string, architecture: Architecture) => TensorSource[];

/** Projections that are matrices of their own. */
export const plainRows: DeltaRows = (theirs, { hiddenSize: C, gatedDelta }) => {
  const { keyHeads, valueHeads, keyDim, valueDim } = gatedDelta!;
  const values = valueHeads * valueDim;
  const rows = { z: values, qkv: 2 * keyHeads * keyDim + values, b: valueHeads, a: valueHeads };
  return Object.entries(rows).map(([part, count]) => ({ name: `${theirs}.in_proj_${part}.weight`, shape: [count, C] }));
};

/** Projections whose rows are in turn by key head: of each q, k, v, z in one matrix, and b, a in another. */
export const rowsByKeyHead: DeltaRows = (theirs, { hiddenSize: C, gatedDelta }) => {
  const { keyHeads, valueHeads, keyDim, valueDim } = gatedDelta!;
  const shared = valueHeads / keyHeads;
  const sizes = { q: keyDim, k: keyDim, v: shared * valueDim, z: shared * valueDim };
  const gates = { b: shared, a: shared };
  const pick = (module: string, widths: Readonly<Record<string, number>>, part: string): TensorSource[] => {
    const names = Object.keys(widths);
    const total = Object.values(widths).reduce((sum, width) => sum + width, 0);
    const before = names.slice(0, names.indexOf(part)).reduce((sum, name) => sum + widths[name]!, 0);
    return Array.from({ length: keyHeads }, (_, head) => {
      const begin = head * total + before;
      const shape = [keyHeads * total, C];
      return { name: `${theirs}.${module}.weight`, shape, rows: [begin, begin + widths[part]!] as const };
    });
  };
  return [
    ...['z', 'q', 'k', 'v'].flatMap((part) => pick('in_proj_qkvz', sizes, part)),
    ...['b', 'a'].flatMap((part) => pick('in_proj_ba', gates, part)),
  ];
};

/** Tensors of the package in the order of use, and what each is made of. @param root what names of the blocks begin with */
export function qwenTensors(
  architecture: Architecture,
  { rows, root = 'model' }: { rows: DeltaRows; root?: string },
): TensorSpec[] {
  const layer = (index: number) => `${root}.layers.${index}`;
  return modelTensors(architecture, {
    embedding: `${root}.embed_tokens.weight`,
    finalNorm: `${root}.norm.weight`,
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'input_layernorm', mlp: 'post_attention_layernorm' })}.weight`,
    normsFromOne: true,
    branches: {
      gated_delta(ours, block) {
        const theirs = `${layer(block)}.linear_attn`;
        const { keyHeads, valueHeads, keyDim, valueDim, convWidth } = architecture.gatedDelta!;
        const channels = 2 * keyHeads * keyDim + valueHeads * valueDim;
        return gatedDeltaTensors(ours, theirs, architecture, {
          inProj: rows(theirs, architecture),
          conv: [{ name: `${theirs}.conv1d.weight`, shape: [channels, 1, convWidth] }],
          norm: 'norm',
          out: 'out_proj',
        });
      },
      attention: (ours, block) =>
        attentionTensors(ours, `${layer(block)}.self_attn`, architecture, { normsFromOne: true }),
      moe: (ours, block) =>
        expertTensors(ours, `${layer(block)}.mlp`, architecture, {
          router: 'gate',
          parts: { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
          sharedGate: 'shared_expert_gate',
        }),
      swiglu: (ours, block) =>
        gatedMlpTensors(ours, `${layer(block)}.mlp${architecture.moe ? '.shared_expert' : ''}`, architecture),
    },
  });
}
