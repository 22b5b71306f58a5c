import type { TensorSpec } from '../weights/types.ts';
import type { Architecture, AttentionLayer, AttentionShape, MoeShape, Sublayer } from './architecture.ts';
import { type AttentionOptions, readAttention } from './attention-config.ts';
import { attentionTensors, type AttentionNames, gatedMlpTensors } from './block-tensors.ts';
import type { ConfigReader } from './config-reader.ts';
import { agreed, MOST_LAYERS, readLayerTypes } from './layer-types.ts';
import { type CheckpointLayout, modelTensors, normOf } from './model-tensors.ts';

// Transformers: every block is attention and an MLP. Families differ in the parts of a block that they use, and in the
// names of these in configs and checkpoints.

/** The parts of a family's transformer, besides those that all configs name alike. */
export interface DenseFacts extends Partial<
  Pick<
    Architecture,
    'activation' | 'biases' | 'norm' | 'normPlaces' | 'embeddingScale' | 'logitScale' | 'logitCap' | 'normEps'
  >
> {
  family: string;
  rotary: AttentionOptions['rotary'];
  /** The scale of the scores, where it is not 1 / sqrt(head width). */
  scale?: number;
  /** Further parts of attention. */
  attention?: Partial<AttentionShape>;
  /** Attention of each block, where it is not the same in all. */
  layers?: AttentionLayer[];
  /** Tokens that blocks with a window attend to; null where the config names none. */
  window?: number | null;
  /** Experts in the place of the MLP. */
  moe?: MoeShape;
}

/** How many blocks there are. @throws BambaError `config_invalid`. */
export function blockCount(config: ConfigReader): number {
  return config.count('num_hidden_layers', { most: MOST_LAYERS });
}

/**
 * Which blocks have a window: those that `layer_types` names so, or else those that `otherwise` says.
 * @throws BambaError `config_invalid`.
 */
export function readWindows(config: ConfigReader, otherwise: (block: number) => boolean): boolean[] {
  const names = { sliding_attention: true, full_attention: false, attention: false };
  const listed = agreed<boolean>(config, readLayerTypes<boolean>(config, names));
  return listed ?? Array.from({ length: blockCount(config) }, (_, block) => otherwise(block));
}

/**
 * Architecture of a transformer.
 * @throws BambaError `config_invalid` with the field, `unsupported_model`.
 */
export function denseArchitecture(config: ConfigReader, facts: DenseFacts): Architecture {
  const { family, rotary, scale, attention: besides, layers, window, moe, normEps, ...others } = facts;
  const hiddenSize = config.count('hidden_size');
  const { attention, maxPositions } = readAttention(config, {
    hiddenSize,
    rotary,
    ...(scale !== undefined && { scale }),
  });
  const mlp: Sublayer = moe ? ['moe'] : ['swiglu'];
  return {
    family,
    vocabSize: config.count('vocab_size'),
    hiddenSize,
    intermediateSize: moe ? 0 : config.count('intermediate_size'),
    blocks: Array.from({ length: blockCount(config) }, () => [['attention'], mlp] as const),
    mamba2: null,
    attention: { ...attention, ...besides, ...windowed(config, layers, window) },
    ...(moe && { moe }),
    normEps: normEps ?? config.number('rms_norm_eps', { above: 0, most: 1 }),
    tiedHead: config.flag('tie_word_embeddings'),
    embeddingScale: 1,
    logitScale: 1,
    ...others,
    maxPositions,
  };
}

/** Attention of each block and its window, as far as blocks differ or have one. */
function windowed(
  config: ConfigReader,
  layers: AttentionLayer[] | undefined,
  window: number | null | undefined,
): Pick<AttentionShape, 'layers' | 'window'> {
  const hasWindow = layers?.some((layer) => layer.window) ?? false;
  if (hasWindow && (window ?? null) === null) throw config.invalid('sliding_window', 'is needed by some layers');
  const isPlain = layers?.every(({ window: has, rope }) => !has && rope === 'main') ?? true;
  return { ...(!isPlain && layers && { layers }), ...(hasWindow && { window: window! }) };
}

/** How a transformer's checkpoint differs from Llama's. */
interface DenseLayout extends Partial<Pick<CheckpointLayout, 'finalNorm' | 'norm' | 'postNorm' | 'normsFromOne'>> {
  attention?: AttentionNames;
  /** Multiplies what attention and the MLP add to the stream. */
  residualScale?: number;
  branches?: CheckpointLayout['branches'];
}

/** Name of the module of a block. */
export function layerName(block: number): string {
  return `model.layers.${block}`;
}

/** Names of the norms before and behind sublayers, of which a family may have one sort or both. */
export function normNames(names: { mixer: string; mlp: string }): (block: number, sublayer: Sublayer) => string {
  return (block, sublayer) => `${layerName(block)}.${normOf(sublayer, names)}.weight`;
}

/** Tensors of a transformer's package, in the order of use, and what each is made of. */
export function denseTensors(architecture: Architecture, layout: DenseLayout = {}): TensorSpec[] {
  const { attention = {}, residualScale = 1, branches, ...norms } = layout;
  const factors = { out: residualScale };
  return modelTensors(architecture, {
    embedding: 'model.embed_tokens.weight',
    finalNorm: 'model.norm.weight',
    head: 'lm_head.weight',
    norm: normNames({ mixer: 'input_layernorm', mlp: 'post_attention_layernorm' }),
    ...norms,
    branches: {
      attention: (ours, block) =>
        attentionTensors(ours, `${layerName(block)}.self_attn`, architecture, { ...attention, factors }),
      swiglu: (ours, block) => gatedMlpTensors(ours, `${layerName(block)}.mlp`, architecture, { down: residualScale }),
      ...branches,
    },
  });
}
