// The normalized architecture: what the kernels need to know of a model, whatever its config.json calls it.
// Dimension letters are those of GLOSSARY.md.

/** Rotary position embedding of the first `dims` dimensions of each head, half-split pairs (i, i + dims/2). */
export interface Rope {
  dims: number;
  /** Inverse frequency of each pair, length dims/2. */
  inverseFrequencies: number[];
  /** Multiplies cos and sin. */
  attentionFactor: number;
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
  /** Groups of channels that the gated norm takes apart; 1 is the whole inner width. */
  normGroups: number;
  /** dt is clamped to [lo, hi] after softplus; hi null means no upper limit. */
  dtLimit: { lo: number; hi: number | null };
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
}

export interface Architecture {
  /** `model_type` of the config it came from. */
  family: string;
  /** V */
  vocabSize: number;
  /** C */
  hiddenSize: number;
  /** F */
  intermediateSize: number;
  /** Mixer of each block; every block has a SwiGLU MLP after it. */
  blocks: ('mamba2' | 'attention')[];
  mamba2: Mamba2Shape | null;
  attention: AttentionShape | null;
  normEps: number;
  /** The head is the embedding. */
  tiedHead: boolean;
  /** Longest sequence that the config allows. */
  maxPositions: number;
}
