import type { TensorSpec } from '../../weights/types.ts';
import { readActivation } from '../activation-config.ts';
import type { Architecture, Block, Mixer } from '../architecture.ts';
import { readAttention } from '../attention-config.ts';
import { readBiases } from '../biases-config.ts';
import { attentionTensors, gatedMlpTensors } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { MOST_LAYERS } from '../layer-types.ts';
import { requireFixed } from '../mamba2-config.ts';
import { modelTensors, normOf } from '../model-tensors.ts';
import { rgLruTensors } from '../rg-lru-tensors.ts';

// model_type `recurrent_gemma`: Griffin. Blocks of a recurrence or of attention over a window, and a GeGLU MLP; almost
// everything has a bias, and logits are capped.

const MIXERS: Readonly<Record<string, Mixer>> = { recurrent: 'rg_lru', attention: 'attention' };

/** A recurrence and a window have no longest sequence; host memory for token ids sets one. */
const POSITIONS = 2 ** 20;

/**
 * Architecture that the config of a RecurrentGemma model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { conv1d_width: 4 });
  const hiddenSize = config.count('hidden_size');
  const own = config.number('partial_rotary_factor', { fallback: 0.5, above: 0, most: 1 });
  const share = config.child('rope_parameters')?.number('partial_rotary_factor', { fallback: own, above: 0, most: 1 });
  const { attention } = readAttention(config, {
    hiddenSize,
    rotary: { share: share ?? own, trainedPositions: POSITIONS },
  });
  const mixers = readMixers(config);
  const width = config.optionalCount('lru_width') ?? hiddenSize;
  const intermediate = config.count('intermediate_size');
  if (intermediate % 2 !== 0)
    throw config.invalid('intermediate_size', 'has to be even: half of it is the width of the MLP');
  const windowed = {
    ...attention,
    window: config.count('attention_window_size'),
    layers: mixers.map(() => ({ window: true, rope: 'main' as const })),
  };
  return {
    family: 'recurrent_gemma',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: intermediate / 2,
    blocks: mixers.map((mixer): Block => [[mixer], ['swiglu']]),
    mamba2: null,
    ...(mixers.includes('rg_lru') && { rgLru: { width, heads: attention.heads, convWidth: 4 } }),
    attention: mixers.includes('attention') ? windowed : null,
    normEps: config.number('rms_norm_eps', { above: 0, most: 1 }),
    ...readActivation(config, ['hidden_activation'], 'silu'),
    ...readBiases(config, { attention_bias: ['qkv'] }, ['o_proj', 'mlp', 'rg_lru']),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: roundToBf16(Math.sqrt(hiddenSize)),
    logitScale: 1,
    logitCap: config.number('logits_soft_cap', { above: 0 }),
    maxPositions: POSITIONS,
  };
}

/** Mixer of each block: a list that is repeated. */
function readMixers(config: ConfigReader): Mixer[] {
  const count = config.count('num_hidden_layers', { most: MOST_LAYERS });
  const list = config.list('block_types') ?? [];
  const kinds = list.map((name) => {
    const mixer = typeof name === 'string' && Object.hasOwn(MIXERS, name) ? MIXERS[name] : undefined;
    if (!mixer) throw config.invalid('block_types', `can hold ${Object.keys(MIXERS).join(', ')}`);
    return mixer;
  });
  if (kinds.length === 0) throw config.invalid('block_types', 'has to name the kinds of blocks');
  return Array.from({ length: count }, (_, index) => kinds[index % kinds.length]!);
}

/** The nearest number of eight bits, as the model was trained with. */
function roundToBf16(value: number): number {
  const scale = 2 ** (Math.floor(Math.log2(value)) - 7);
  const [whole, half] = [Math.floor(value / scale), value / scale - Math.floor(value / scale)];
  // Takes the even one of two that are equally near.
  const up = half > 0.5 || (half === 0.5 && whole % 2 === 1);
  return (up ? whole + 1 : whole) * scale;
}

/** Tensors of the package in the order of use, and what each is made of. */
export function tensors(architecture: Architecture): TensorSpec[] {
  const layer = (index: number) => `model.layers.${index}`;
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.final_norm.weight',
    head: 'lm_head.weight',
    norm: (block, sublayer) =>
      `${layer(block)}.${normOf(sublayer, { mixer: 'temporal_pre_norm', mlp: 'channel_pre_norm' })}.weight`,
    normsFromOne: true,
    branches: {
      rg_lru: (ours, block) => rgLruTensors(ours, `${layer(block)}.temporal_block`, architecture),
      attention: (ours, block) => attentionTensors(ours, `${layer(block)}.temporal_block`, architecture),
      swiglu: (ours, block) => gatedMlpTensors(ours, `${layer(block)}.mlp_block`, architecture),
    },
  });
}
