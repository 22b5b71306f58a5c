import type { TensorSpec } from '../../weights/types.ts';
import type { Architecture, AttentionShape, Mamba2Shape } from '../architecture.ts';
import { attentionTensors, interleaved, mamba2Tensors, matrix, plain, vocabularyMatrix } from '../block-tensors.ts';
import type { ConfigReader } from '../config-reader.ts';
import { readLayers } from '../layer-types.ts';
import { readDtLimit, requireFixed } from '../mamba2-config.ts';
import { readRope } from '../rope.ts';

// model_type `bamba`: Bamba-9B in all its versions, and Lexicon. Blocks of a mixer and a SwiGLU MLP, each behind an
// RMSNorm and with a residual around it.

/** transformers sets it for this model type, whatever the config says of `attn_rotary_emb`. */
const ROTARY_SHARE = 0.5;
const DEFAULTS = { rmsNormEps: 1e-5, ropeTheta: 10_000, trainedPositions: 4096 };
/** Default of transformers' class: saved into configs of models that were trained on 4,096 positions. */
const CLASS_POSITIONS = 262_144;
const MOST_LAYERS = 1024;

/**
 * Architecture that the config of a Bamba model describes.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function normalize(config: ConfigReader): Architecture {
  requireFixed(config, { hidden_act: 'silu', attention_bias: false, mlp_bias: false, mamba_proj_bias: false });
  const hiddenSize = config.count('hidden_size');
  const blocks = readLayers(config, config.count('num_hidden_layers', { most: MOST_LAYERS }));
  const { attention, maxPositions } = readAttention(config, hiddenSize);
  return {
    family: 'bamba',
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: config.count('intermediate_size'),
    blocks,
    mamba2: blocks.includes('mamba2') ? readMamba2(config, hiddenSize) : null,
    attention: blocks.includes('attention') ? attention : null,
    normEps: config.number('rms_norm_eps', DEFAULTS.rmsNormEps, { above: 0, most: 1 }),
    tiedHead: config.flag('tie_word_embeddings', false),
    maxPositions,
  };
}

function readMamba2(config: ConfigReader, hiddenSize: number): Mamba2Shape {
  const heads = config.count('mamba_n_heads');
  const inner = config.number('mamba_expand', 2, { above: 0, most: 64 }) * hiddenSize;
  const headDim = config.get('mamba_d_head') === 'auto' ? inner / heads : config.count('mamba_d_head');
  if (heads * headDim !== inner) {
    throw config.invalid('mamba_d_head', `times mamba_n_heads (${heads}) has to be the inner width ${inner}`);
  }
  const groups = config.optionalCount('mamba_n_groups') ?? 1;
  if (heads % groups !== 0) throw config.invalid('mamba_n_groups', `has to divide mamba_n_heads (${heads})`);
  if ((config.optionalCount('mamba_d_conv') ?? 4) !== 4) requireFixed(config, { mamba_d_conv: 4 });
  return {
    heads,
    headDim,
    stateSize: config.count('mamba_d_state'),
    groups,
    convWidth: 4,
    // The gated norm of this family runs over the whole inner width, also where there are several groups.
    normGroups: 1,
    dtLimit: readDtLimit(config),
  };
}

function readAttention(config: ConfigReader, hiddenSize: number): { attention: AttentionShape; maxPositions: number } {
  const heads = config.count('num_attention_heads');
  const kvHeads = config.optionalCount('num_key_value_heads') ?? heads;
  if (heads % kvHeads !== 0) throw config.invalid('num_key_value_heads', `has to divide the ${heads} query heads`);
  const given = config.optionalCount('head_dim');
  if (given === undefined && hiddenSize % heads !== 0) {
    throw config.invalid('num_attention_heads', `has to divide hidden_size (${hiddenSize})`);
  }
  const headDim = given ?? hiddenSize / heads;
  const dims = headDim * ROTARY_SHARE;
  if (dims % 2 !== 0) throw config.invalid('head_dim', `has to be a multiple of 4: half of ${headDim} turns in pairs`);
  requireFixed(config, { partial_rotary_factor: ROTARY_SHARE });
  const parameters = config.child('rope_parameters');
  if (parameters) requireFixed(parameters, { partial_rotary_factor: ROTARY_SHARE });
  const { rope, maxPositions } = readRope(config, {
    dims,
    base: DEFAULTS.ropeTheta,
    trainedPositions: DEFAULTS.trainedPositions,
    meaninglessPositions: CLASS_POSITIONS,
  });
  return { attention: { heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim), rope }, maxPositions };
}

/**
 * Tensors of the package in the order of use, and what each is made of.
 * @param options.convBias whether the checkpoint has a bias of the convolution; without it, it is zeros.
 */
export function tensors(architecture: Architecture, { convBias = true }: { convBias?: boolean } = {}): TensorSpec[] {
  const { vocabSize: V, hiddenSize: C, intermediateSize: F, blocks, mamba2, attention } = architecture;
  const specs = [vocabularyMatrix('embedding', [V, C], 'model.embed_tokens.weight')];
  for (const [index, kind] of blocks.entries()) {
    const ours = `blocks.${index}`;
    const theirs = `model.layers.${index}`;
    specs.push(plain(`${ours}.norm`, [C], `${theirs}.input_layernorm.weight`));
    if (kind === 'mamba2' && mamba2) specs.push(...mamba2Tensors(ours, `${theirs}.mamba`, C, mamba2, { convBias }));
    if (kind === 'attention' && attention) specs.push(...attentionTensors(ours, `${theirs}.self_attn`, C, attention));
    const mlp = `${theirs}.feed_forward`;
    specs.push(
      plain(`${ours}.mlp_norm`, [C], `${theirs}.pre_ff_layernorm.weight`),
      interleaved(`${ours}.gate_up`, [2 * F, C], [`${mlp}.gate_proj.weight`, `${mlp}.up_proj.weight`]),
      matrix(`${ours}.down`, [C, F], `${mlp}.down_proj.weight`),
    );
  }
  specs.push(plain('final_norm', [C], 'model.final_layernorm.weight'));
  if (!architecture.tiedHead) specs.push(vocabularyMatrix('head', [V, C], 'lm_head.weight'));
  return specs;
}
