// The normalized architecture: what the kernels need to know of a model, whatever its config.json calls it.
// Dimension letters are those of GLOSSARY.md.

/** Branches that mix tokens; `shared` adds to what those beside it read, the others to the residual stream. */
export const MIXERS = ['shared', 'mamba2', 'mamba1', 'short_conv', 'gated_delta', 'rg_lru', 'attention'] as const;
/**
 * Branches that take each token for itself: an MLP with a gate, one without, and a mixture of experts. The first two are
 * named for their activation where a model does not say another.
 */
export const MLPS = ['swiglu', 'relu2', 'moe'] as const;

export type Mixer = (typeof MIXERS)[number];
export type Mlp = (typeof MLPS)[number];
/** A branch reads one norm of the residual stream, and adds its output to the stream. */
export type Branch = Mixer | Mlp;
/** Functions between the matrices of an MLP. */
export const ACTIVATIONS = ['silu', 'gelu', 'gelu_tanh', 'relu2'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/**
 * Matrices that may have a bias: q, k and v with the gate; o; those of MLPs and around experts; in_proj and out_proj of
 * mixers. A Mamba-2 mixer has these one by one.
 */
export const BIASED = ['qkv', 'o_proj', 'mlp', 'mamba2_in', 'mamba2_out', 'mamba1', 'short_conv', 'rg_lru'] as const;
export type Biased = (typeof BIASED)[number];

/** The places of norms in a block's sublayers: before the branches, behind them on their outputs, or both. */
export const NORM_PLACES = ['before', 'after', 'both'] as const;
export type NormPlace = (typeof NORM_PLACES)[number];

/** Branches side by side behind one norm: all read the same, and each adds to the residual stream. */
export type Sublayer = readonly Branch[];
/** Sublayers one after the other: at most one of mixers, and at most one of MLPs. */
export type Block = readonly Sublayer[];

/** Rotary position embedding of the first `dims` dimensions of each head, half-split pairs (i, i + dims/2). */
export interface Rope {
  dims: number;
  /** Inverse frequency of each pair, length dims/2. */
  inverseFrequencies: number[];
  /** Multiplies cos and sin. */
  attentionFactor: number;
  /** What was scaled, where the frequencies do not say it. */
  origin?: RopeOrigin;
}

/** A rotary embedding before it was scaled, and how it was. */
export interface RopeOrigin {
  /** As configs name it: `yarn`, `linear`; `default` where nothing was scaled. */
  type: string;
  /** By how much the context became longer. */
  factor: number;
  /** Of the frequencies before. */
  base: number;
  /** Tokens before. */
  positions: number;
}

export interface Mamba2Shape {
  /** H */
  heads: number;
  /** P */
  headDim: number;
  /** N */
  stateSize: number;
  /** G: groups of heads that share B and C. */
  groups: number;
  /** K, always 4 here. */
  convWidth: number;
  /** Groups of channels that the gated norm takes apart; 1 is the whole inner width, null a gate without a norm. */
  normGroups: number | null;
  /** Whether the gate stands behind the norm; before it where it is absent. */
  gateLast?: true;
  /** dt is clamped to [lo, hi] after softplus; hi null means no upper limit. */
  dtLimit: { lo: number; hi: number | null };
}

/** A Mamba-1 mixer. Its step sizes and projections may pass an RMSNorm each, as in Falcon-Mamba and Jamba. */
export interface Mamba1Shape {
  /** I */
  inner: number;
  /** N */
  stateSize: number;
  /** Width of what the step sizes of all channels are made from. */
  dtRank: number;
  /** K, always 4 here. */
  convWidth: number;
  /** The epsilon of the mixer's own norms. */
  normEps: number;
  /** Whether there are such norms, and they have weights; norms without weights where it is absent. */
  norms?: 'none' | 'weighted';
  /** Ranges of channels, each with projections of its own; one where it is absent. */
  heads?: number;
}

/** A mixer that is a gated convolution over few tokens, as LFM2 has it; its channels are those of the model. */
export interface ShortConvShape {
  /** K, at most 4. */
  convWidth: number;
}

/** A gated delta mixer: a state for each value head, which is corrected under keys. */
export interface GatedDeltaShape {
  /** Heads of queries and keys. */
  keyHeads: number;
  /** A multiple of them. */
  valueHeads: number;
  keyDim: number;
  valueDim: number;
  /** K, always 4 here. */
  convWidth: number;
  /** Largest strength of a correction: 1, or 2 where a state may change its sign. */
  betaScale: number;
  /** The epsilon of the norm of each head's output. */
  normEps: number;
}

/** A recurrent block of Griffin: a convolution, a real-gated linear recurrent unit, and a gate of GELU by tanh. */
export interface RgLruShape {
  /** w: channels. */
  width: number;
  /** Blocks of channels, each with matrices of its own for its gates. */
  heads: number;
  /** K, always 4 here. */
  convWidth: number;
}

export interface AttentionShape {
  /** Query heads. */
  heads: number;
  /** J */
  kvHeads: number;
  headDim: number;
  /** Multiplies the scores. */
  scale: number;
  rope: Rope | null;
  /** q, k and v are clipped to so much on either side of zero. */
  qkvLimit?: number;
  /** q and k pass an RMSNorm before they turn: over each head, or over the whole width of q and of k. */
  qkNorm?: 'head' | 'width';
  /** The output of attention is multiplied by the sigmoid of a projection of its input. */
  gated?: true;
  /** Scores s become cap * tanh(s / cap). */
  scoreCap?: number;
  /** Each head has a score of its own that takes part in the softmax and has no value. */
  sinks?: true;
  /** Latest tokens that blocks with a window attend to, the token itself among them. */
  window?: number;
  /** Turns the heads of blocks whose rope is `local`. */
  localRope?: Rope;
  /** Attention of each block, where it is not the same in all: by default without a window, turned by `rope`. */
  layers?: AttentionLayer[];
}

/** The particulars of one block's attention. */
export interface AttentionLayer {
  window: boolean;
  rope: 'main' | 'local' | 'none';
}

/** Transformers that blocks share, as Zamba2 has them: attention is that of `attention`, over twice the model width. */
export interface SharedShape {
  /** Sets of weights, which the blocks that have `shared` take in turn. */
  sets: number;
  /** F of the MLP. */
  intermediateSize: number;
  /** Inner width of the adapter that each block adds to gate and up; 0 where there are none. */
  adapterRank: number;
  /** Whether each block adds adapters of the same inner width to q, k and v. */
  attentionAdapters?: true;
}

/** A mixture of experts, MLPs with SiLU and a gate or of squared ReLU: a token goes to the few that a router chooses. */
export interface MoeShape {
  /** E */
  experts: number;
  /** Experts that a token goes to. */
  topK: number;
  /** F of an expert. */
  intermediateSize: number;
  /** Whether experts have no gate, and squared ReLU. */
  ungated?: true;
  /** L: what experts read and write, between two projections of the mixture; C where it is absent. */
  latentSize?: number;
  /** F of the MLP beside the mixture, where it is another than in blocks without one. */
  besideSize?: number;
  /** How experts are chosen and weighted; by their logits and softmax over those of the chosen where it is absent. */
  routing?: MoeRouting;
  /** Whether the output of the MLP beside it is multiplied by the sigmoid of a logit of its own. */
  sharedGate?: true;
}

/** How experts are chosen and weighted, but for softmax over the logits of the chosen. */
export interface MoeRouting {
  /** The score that chooses and weights an expert: softmax over all logits, or the sigmoid of its own. */
  scores: 'softmax' | 'sigmoid';
  /** Whether something is added to the scores for the choice alone. */
  biased: boolean;
  /** Added to the sum of sigmoids that they are divided by; null where they are not divided. */
  sumEps: number | null;
  /** Multiplies what outputs are weighted by. */
  scale: number;
  /** Groups of experts in a row, and from how many of them a token may choose: those whose two best are most. */
  groups: number;
  keptGroups: number;
}

export interface Architecture {
  /** `model_type` of the config it came from. */
  family: string;
  /** V */
  vocabSize: number;
  /** C */
  hiddenSize: number;
  /** F, of all MLPs but experts and such with a width of their own beside these; 0 where there are none. */
  intermediateSize: number;
  blocks: Block[];
  /** The shape of all `mamba2` branches; null where there are none. */
  mamba2: Mamba2Shape | null;
  /** The shape of all `attention` and `shared` branches; null where there are none. */
  attention: AttentionShape | null;
  /** The shape of all `mamba1` branches; absent where there are none. */
  mamba1?: Mamba1Shape;
  /** The shape of all `short_conv` branches; absent where there are none. */
  shortConv?: ShortConvShape;
  /** The shape of all `gated_delta` branches; absent where there are none. */
  gatedDelta?: GatedDeltaShape;
  /** The shape of all `rg_lru` branches; absent where there are none. */
  rgLru?: RgLruShape;
  /** The shape of all `shared` branches; absent where there are none. */
  shared?: SharedShape;
  /** The shape of all `moe` branches; absent where there are none. */
  moe?: MoeShape;
  normEps: number;
  /** The kind of the stream's norms; RMSNorm where it is absent. */
  norm?: 'layer';
  /** The places of each block's norms; before all branches where it is absent. */
  normPlaces?: NormPlace[];
  /** The activation of `swiglu` and `relu2`; absent where it is the one in their names. */
  activation?: Activation;
  /** The matrices that have biases. */
  biases?: Biased[];
  /** The head is the embedding. */
  tiedHead: boolean;
  /** Multiplies the embeddings. Other constant factors of a model are folded into its weights. */
  embeddingScale: number;
  /** Multiplies the logits. */
  logitScale: number;
  /** Logits l become cap * tanh(l / cap), behind `logitScale`. */
  logitCap?: number;
  /** Longest sequence that the config allows. */
  maxPositions: number;
}

/** Whether some block has such a branch. */
export function hasBranch(blocks: readonly Block[], kind: Branch): boolean {
  return blocks.some((block) => block.some((sublayer) => sublayer.includes(kind)));
}

/** F of a block's MLP, which is no expert. */
export function mlpWidth({ blocks, intermediateSize, moe }: Architecture, block: number): number {
  return (hasBranch([blocks[block]!], 'moe') ? moe!.besideSize : undefined) ?? intermediateSize;
}

/** Whether the branches of a sublayer mix tokens. */
export function isMixing(sublayer: Sublayer): boolean {
  return sublayer.some((kind) => (MIXERS as readonly string[]).includes(kind));
}

/** Which set of shared weights a block takes. */
export function sharedSet({ blocks, shared }: Architecture, block: number): number {
  const before = blocks.slice(0, block).filter((other) => hasBranch([other], 'shared')).length;
  return before % shared!.sets;
}

/** Our name of the norm before a sublayer of block `index`. */
export function normName(index: number, sublayer: Sublayer): string {
  return `blocks.${index}.${isMixing(sublayer) ? 'norm' : 'mlp_norm'}`;
}

/** Our name of the norm behind a sublayer of block `index`. */
export function postNormName(index: number, sublayer: Sublayer): string {
  return `blocks.${index}.${isMixing(sublayer) ? 'post_norm' : 'mlp_post_norm'}`;
}

/** Which norms the sublayers of a block have. */
export function normsOf(
  { normPlaces }: Pick<Architecture, 'normPlaces'>,
  block: number,
): Record<'before' | 'after', boolean> {
  const place = normPlaces?.[block] ?? 'before';
  return { before: place !== 'after', after: place !== 'before' };
}

/** The attention of a block. */
export function attentionLayer({ attention }: Pick<Architecture, 'attention'>, block: number): AttentionLayer {
  return attention?.layers?.[block] ?? { window: false, rope: 'main' };
}

/** The rotary embedding of a block's heads; null where there is none. */
export function ropeOf({ attention }: Pick<Architecture, 'attention'>, block: number): Rope | null {
  const { rope } = attentionLayer({ attention }, block);
  if (rope === 'none') return null;
  return (rope === 'local' ? attention?.localRope : attention?.rope) ?? null;
}

/** Whether something has a bias. */
export function hasBias({ biases }: Pick<Architecture, 'biases'>, what: Biased): boolean {
  return biases?.includes(what) ?? false;
}
