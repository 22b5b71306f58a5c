import type { Activation } from './activation.ts';
import type { AttentionDims } from './attention.ts';
import type { DeltaDims } from './gated_delta.ts';
import type { Routing } from './moe.ts';
import type { RotaryEmbedding } from './rope.ts';
import type { SsmDims } from './selective_state_update.ts';
import type { TimeStepLimit } from './softplus.ts';
import type { Values } from './values.ts';

// A model as the reference knows it: its dimensions, its tensors, and what a sequence leaves behind.

/**
 * Branches that read one norm, side by side. Each adds its output to the residual stream, `shared` to the input of the
 * norm.
 */
export type Sublayer = readonly (
  'shared' | 'mamba2' | 'mamba1' | 'short_conv' | 'gated_delta' | 'rg_lru' | 'attention' | 'swiglu' | 'relu2' | 'moe'
)[];

/** The part of a normalized architecture that the reference needs (src/architecture/architecture.ts is one). */
export interface ReferenceArchitecture {
  hiddenSize: number;
  /** The sublayers of each block. */
  blocks: readonly (readonly Sublayer[])[];
  mamba2: (SsmDims & { normGroups: number | null; gateLast?: true; dtLimit: TimeStepLimit }) | null;
  attention: ReferenceAttention | null;
  mamba1?: {
    inner: number;
    stateSize: number;
    dtRank: number;
    normEps: number;
    norms?: 'none' | 'weighted';
    heads?: number;
  };
  gatedDelta?: DeltaDims & { normEps: number };
  rgLru?: { width: number; heads: number };
  shared?: { sets: number; adapterRank: number; attentionAdapters?: true };
  moe?: {
    experts: number;
    topK: number;
    routing?: Routing & { biased: boolean };
    ungated?: true;
    latentSize?: number;
    sharedGate?: true;
  };
  normEps: number;
  norm?: 'layer';
  normPlaces?: readonly ('before' | 'after' | 'both')[];
  activation?: Activation;
  biases?: readonly ('qkv' | 'o_proj' | 'mlp' | 'mamba2_in' | 'mamba2_out' | 'mamba1' | 'short_conv' | 'rg_lru')[];
  tiedHead: boolean;
  embeddingScale: number;
  logitScale: number;
  logitCap?: number;
}

/** Attention of all blocks, and what differs between them. */
export interface ReferenceAttention extends AttentionDims {
  rope: RotaryEmbedding | null;
  qkvLimit?: number;
  qkNorm?: 'head' | 'width';
  gated?: true;
  sinks?: true;
  localRope?: RotaryEmbedding;
  layers?: readonly { window: boolean; rope: 'main' | 'local' | 'none' }[];
}

/** Tensors by our names, such as `blocks.3.mamba2.in_proj`; matrices (rows, columns). */
export type ReferenceTensors = ReadonlyMap<string, Values>;

/** The state of one block's mixers. */
export interface BlockState {
  mamba2?: {
    /** (4, channels), column q % 4 holds the raw input of position q */
    conv: Float64Array;
    /** (H, P, N) */
    ssm: Float64Array;
  };
  mamba1?: {
    /** (4, I), column q % 4 holds the raw input of position q */
    conv: Float64Array;
    /** (I, N) */
    ssm: Float64Array;
  };
  gated_delta?: {
    /** (4, channels), column q % 4 holds the raw input of position q */
    conv: Float64Array;
    /** (valueHeads, keyDim, valueDim) */
    ssm: Float64Array;
  };
  rg_lru?: {
    /** (4, w), column q % 4 holds the raw input of position q */
    conv: Float64Array;
    /** (w) */
    ssm: Float64Array;
  };
  short_conv?: {
    /** (4, C), column q % 4 holds B times x of position q */
    conv: Float64Array;
  };
  attention?: {
    /** (position, J, headDim), rotated */
    keys: Float64Array;
    /** (position, J, headDim) */
    values: Float64Array;
  };
}

/** The state after a sequence of `position` tokens. */
export interface ReferenceState {
  position: number;
  blocks: BlockState[];
}
