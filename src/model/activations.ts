import { type BufferSlice, BufferTally, type SliceMaker, wholeBuffers } from '../gpu/buffers.ts';
import { STEP_BYTES } from '../gpu/plan.ts';
import { attentionPartialFloats } from '../kernels/attention/attention_decode.ts';
import { attentionSumsFloats } from '../kernels/attention/attention_prefill.ts';
import { DELTA_CHUNK, deltaWidths } from '../kernels/gated_delta/delta-shape.ts';
import { gatedSquares } from '../kernels/mamba2/conv1d_selective_state_update_gate_to_norm.ts';
import { mamba1Widths } from '../kernels/mamba1/mamba1-shape.ts';
import { CHUNK_TOKENS, mamba2Widths } from '../kernels/mamba2/mamba2-shape.ts';
import { MOE_TILE, moeTiles } from '../kernels/moe/moe-shape.ts';
import { quantizedRowSizes, type QuantizedRows } from '../kernels/projections/quantize_rows.ts';
import { quantizedRowInt16Sizes } from '../kernels/projections/quantize_rows_int16.ts';
import { type Architecture, hasBias, hasBranch } from '../architecture/architecture.ts';
import { attentionDims, mamba2Dims } from './dims.ts';
import { longestPass } from './window-ring.ts';

/** What sublayers with a norm behind them have on their way besides. */
interface PostNormActivations {
  /** What a branch adds to instead of the stream (T, C): zeros between sublayers. */
  out: BufferSlice;
  /** That times the norm's weight (C), and partial sums of its squares (C / 4); for decode. */
  h: BufferSlice;
  squares: BufferSlice;
}

/** What a Mamba-1 mixer has on its way besides. */
interface Mamba1Activations {
  /** Output of x_proj: delta, b and c (T, dtRank + 2N), of all heads and filled up. */
  selected: BufferSlice;
  /** Delta normed (T, dtRank), and b and c normed (T, 2N); for prefill. */
  delta: BufferSlice;
  bc: BufferSlice;
}

/** What a gated delta mixer has on its way besides, all of it for prefill. */
interface GatedDeltaActivations {
  /** Of the chunks (chunks, H, Q, 4): strengths and decays. */
  decays: BufferSlice;
  /** Keys and values behind the chunks' triangular systems (T, H, keyDim), (T, H, valueDim). */
  w: BufferSlice;
  fresh: BufferSlice;
  /** Products of queries and keys of a chunk (chunks, H, Q, Q). */
  scores: BufferSlice;
}

/** What a shared transformer has on its way besides. */
interface SharedActivations {
  /** The embeddings (T, C), kept for the whole pass. */
  embedded: BufferSlice;
  /** A copy of the residual stream (T, C), to which the transformer's output is added. */
  carried: BufferSlice;
  /** The stream and the embeddings side by side, normed (T, 2C). */
  both: BufferSlice;
  /** Output of attention, then of the MLP (T, C). */
  hidden: BufferSlice;
  /** Gate and up in turn (T, 2F). */
  gateUp: BufferSlice;
  /** Inside of the adapter (T, rank). */
  adapted: BufferSlice;
  /** MLP behind its activation (T, F). */
  ff: BufferSlice;
}

/** What a mixture of experts has on its way, k being the experts that a token goes to. */
interface MoeActivations {
  /** Of the router (T, E). */
  logits: BufferSlice;
  /** The chosen experts (T, k), u32. */
  experts: BufferSlice;
  /** What the outputs of these are weighted by (T, k); in decode they are in `inner`. */
  shares: BufferSlice;
  /** Pairs of a token and an expert, sorted by expert (tiles, tile), u32, and each tile's expert; for prefill. */
  pairs: BufferSlice;
  tileExperts: BufferSlice;
  /** Experts behind their activation (T * k, F). */
  inner: BufferSlice;
  /** What the experts give (T * k, C); for prefill. */
  out: BufferSlice;
  /** What experts read in the place of the stream, then their sum (T, L), where these are narrower. */
  latent: BufferSlice;
  /** Sums of squares that make the division of this one by 1. */
  latentSquares: BufferSlice;
}

/** The buffers between kernels, for passes of at most `tokens` tokens; decode uses their first rows. */
export interface Activations {
  tokens: number;
  /** struct Step, bound as a uniform by kernels and as storage by the sampler. */
  step: BufferSlice;
  /** (T) u32; the sampler writes the next token's id to [0]. */
  ids: BufferSlice;
  /** Residual stream (T, C). */
  x: BufferSlice;
  /** Input of a projection (T, C): normed in prefill, before the division by the rms in decode. */
  h: BufferSlice;
  /** Partial sums of squares of the residual stream in decode, zeros behind them. */
  squares: BufferSlice;
  /** The same of a mixer's gated output. */
  gatedSquares: BufferSlice;
  /** Output of in_proj (T, 2I + 2GN + H), of a Mamba-1 mixer (T, 2I), of a short convolution (T, 3C). */
  u: BufferSlice;
  /** Output of qkv (T, (heads + 2J) * headDim). Where no block has both, it is the same memory as `u`. */
  qkv: BufferSlice;
  /** After conv (T, CD); then the gated and normed output (T, I). In a Mamba-1 mixer both are (T, I). */
  v: BufferSlice;
  /** Output of the scan (T, I), or of attention (T, heads * headDim); of a Mamba-1 mixer dt_proj's (T, I). */
  y: BufferSlice;
  /** C . B^T of the scan's chunks. */
  cb: BufferSlice;
  /** Of the scan's chunks (chunks, H, Q, 4): time steps and decays. */
  decays: BufferSlice;
  /** States that enter the scan's chunks (chunks, H, P, N). */
  states: BufferSlice;
  /** MLP behind its activation (T, F). */
  ff: BufferSlice;
  /** Gate and up in turn (T, 2F), where they have biases. */
  gateUp: BufferSlice;
  /** Of sublayers with a norm behind them; null without such. */
  post: PostNormActivations | null;
  /** In the place of `squares` for an input that is divided already: sums that make the division one by 1. */
  unitSquares: BufferSlice;
  /** Of Mamba-1 mixers; null without such. */
  mamba1: Mamba1Activations | null;
  /** Of gated delta mixers; null without such. */
  gatedDelta: GatedDeltaActivations | null;
  /** Of recurrent blocks, decays and gated inputs (T, w) each, for prefill; null without such. */
  rgLru: { decays: BufferSlice; inputs: BufferSlice } | null;
  /** Of shared transformers; null without such. */
  shared: SharedActivations | null;
  /** Of mixtures of experts; null without such. */
  moe: MoeActivations | null;
  /** (I) ones: the weight of a gated norm that is no norm. */
  ones: BufferSlice;
  /** Columns of the widest input of a projection. */
  widest: number;
  /** Any input of a projection in int8; null where projections take f32. */
  quantized: QuantizedRows | null;
  /** The same in 16 bits, for products of subgroup matrices; null without such. */
  quantizedInt16: QuantizedRows | null;
  /** The gate of attention's output (T, heads * headDim). */
  attentionGate: BufferSlice;
  /** Partial attention of decode. */
  partial: BufferSlice;
  /** Largest scores and sums of attention's rows (T, heads, 2), between segments of the cache; for prefill. */
  sums: BufferSlice;
  /** (V) f32 of the last token. */
  logits: BufferSlice;
}

/** Workgroups that a dimension of a dispatch may have; there is a kernel with one for every token. */
const MOST_TOKENS = 65_535;

/**
 * `tokens`, or as many halvings of them as leave no buffer larger than `most` bytes, and no dispatch larger than any device
 * takes.
 */
export function boundTokens(architecture: Architecture, tokens: number, most: number): number {
  const longest = longestPass(architecture);
  if (tokens > longest) return boundTokens(architecture, longest, most);
  const tally = new BufferTally();
  createActivations(wholeBuffers(tally), architecture, tokens, { int8Activations: true, subgroupMatrices: true });
  if ((tally.largest <= most && tokens <= MOST_TOKENS) || tokens <= 1) return tokens;
  return boundTokens(architecture, Math.floor(tokens / 2), most);
}

/**
 * Allocates them; call inside `gpu.guarded`.
 * @param options.int8Activations whether inputs of projections are rounded to int8 where the matrix is of int8 or int4.
 * @param options.subgroupMatrices whether they are rounded to 16 bits where subgroup matrices multiply them.
 * @param options.decodeOnly whether there is no memory for what only passes over prompts leave between kernels.
 */
export function createActivations(
  maker: SliceMaker,
  architecture: Architecture,
  tokens: number,
  options: { int8Activations?: boolean; subgroupMatrices?: boolean; decodeOnly?: boolean } = {},
): Activations {
  const { hiddenSize, intermediateSize, blocks, mamba1, shortConv, gatedDelta, rgLru, shared } = architecture;
  const mamba2 = mamba2Dims(architecture);
  const attention = attentionDims(architecture);
  const widths = mamba2 ? mamba2Widths(mamba2) : { inner: 0, channels: 0, projected: 0 };
  const qkvWidth = attention ? (attention.heads + 2 * attention.kvHeads) * attention.headDim : 0;
  const attended = attention ? attention.heads * attention.headDim : 0;
  const floats: Floats = (name, ...shape) => maker.floats(name, ...shape);
  const convolved = shortConv ? hiddenSize : 0;
  const delta = gatedDelta ? deltaWidths(gatedDelta) : { values: 0, channels: 0, projected: 0 };
  const inner = Math.max(widths.inner, mamba1?.inner ?? 0, delta.values, rgLru?.width ?? 0);
  const projected = Math.max(
    widths.projected,
    2 * (mamba1?.inner ?? 0),
    3 * convolved,
    delta.projected,
    2 * (rgLru?.width ?? 0),
  );
  const deltas = mamba1 ? mamba1Widths({ heads: 1, ...mamba1 }).deltas : 0;
  const ofShared = shared ? [2 * hiddenSize, shared.intermediateSize, 3 * shared.adapterRank] : [];
  const feedForward = Math.max(intermediateSize, architecture.moe?.besideSize ?? 0);
  const ofExperts = architecture.moe?.latentSize ?? 0;
  const widest = Math.max(hiddenSize, feedForward, inner, attended, deltas, ofExperts, ...ofShared);
  const rows = (name: string, { words, scales }: { words: number; scales: number }): QuantizedRows => ({
    x: floats(name, tokens, words),
    x_scale: floats(`${name} scales`, tokens, scales),
  });
  const chunks = options.decodeOnly ? 0 : Math.ceil(tokens / CHUNK_TOKENS);
  const isParallel = blocks.flat().some((sublayer) => sublayer.includes('mamba2') && sublayer.includes('attention'));
  const u = floats('u', tokens, isParallel ? projected : Math.max(projected, qkvWidth));
  const hasGateOnly = architecture.mamba2?.normGroups === null;
  return {
    tokens,
    step: maker.storageAndUniform('step', STEP_BYTES),
    ids: floats('ids', tokens),
    x: floats('x', tokens, hiddenSize),
    h: floats('h', tokens, hiddenSize),
    squares: floats('squares', hiddenSize / 4),
    gatedSquares: floats('gated squares', mamba2 ? gatedSquares(mamba2) : 0),
    u,
    qkv: isParallel ? floats('qkv', tokens, qkvWidth) : u,
    v: floats('v', tokens, Math.max(widths.channels, mamba1?.inner ?? 0, convolved, delta.channels, rgLru?.width ?? 0)),
    y: floats('y', tokens, Math.max(inner, attended)),
    cb: floats('cb', chunks, mamba2?.groups ?? 0, CHUNK_TOKENS, CHUNK_TOKENS),
    decays: floats('decays', chunks, mamba2?.heads ?? 0, CHUNK_TOKENS, 4),
    states: floats('states', chunks, mamba2 ? mamba2Widths(mamba2).inner * mamba2.stateSize : 0),
    ff: floats('ff', tokens, feedForward),
    gateUp: floats('gate and up', hasGateUp(architecture) ? tokens : 0, 2 * feedForward),
    post: createPost(floats, architecture, tokens),
    unitSquares: maker.filled('unit squares', unitSquares(hiddenSize, architecture)),
    mamba1: createMamba1(floats, architecture, tokens),
    gatedDelta: createGatedDelta(floats, architecture, tokens),
    rgLru: rgLru
      ? {
          decays: floats('rg_lru / decays', tokens, rgLru.width),
          inputs: floats('rg_lru / inputs', tokens, rgLru.width),
        }
      : null,
    shared: createShared(floats, architecture, tokens),
    moe: createMoe(maker, architecture, tokens),
    ones: maker.filled('ones', new Float32Array(hasGateOnly ? widths.inner : 0).fill(1)),
    widest,
    quantized: options.int8Activations ? rows('int8', quantizedRowSizes(widest)) : null,
    quantizedInt16: options.subgroupMatrices ? rows('16 bits', quantizedRowInt16Sizes(widest)) : null,
    attentionGate: floats('gate of attention', architecture.attention?.gated ? tokens : 0, attended),
    partial: floats('partial', attention ? attentionPartialFloats(attention) : 0),
    sums: floats('sums', attention ? attentionSumsFloats(attention, tokens) : 0),
    logits: floats('logits', architecture.vocabSize),
  };
}

/** Sums of squares whose mean and `normEps` are 1 together. */
function unitSquares(columns: number, { normEps }: Architecture): Float32Array<ArrayBuffer> {
  return Float32Array.of(columns * (1 - normEps), 0, 0, 0);
}

/** Whether gate and up are kept before their activation. */
function hasGateUp(architecture: Architecture): boolean {
  return hasBias(architecture, 'mlp') && hasBranch(architecture.blocks, 'swiglu');
}

function createPost(
  floats: Floats,
  { normPlaces, hiddenSize }: Architecture,
  tokens: number,
): PostNormActivations | null {
  if (!normPlaces?.some((place) => place !== 'before')) return null;
  return {
    out: floats('branch', tokens, hiddenSize),
    h: floats('branch to norm', hiddenSize),
    squares: floats('squares of the branch', hiddenSize / 4),
  };
}

type Floats = (name: string, ...shape: number[]) => BufferSlice;

function createMamba1(floats: Floats, { mamba1 }: Architecture, tokens: number): Mamba1Activations | null {
  if (!mamba1) return null;
  const { deltas, states, selected } = mamba1Widths({ heads: 1, ...mamba1 });
  return {
    selected: floats('selected', tokens, selected),
    delta: floats('delta', tokens, deltas),
    bc: floats('b and c', tokens, 2 * states),
  };
}

function createGatedDelta(floats: Floats, { gatedDelta }: Architecture, tokens: number): GatedDeltaActivations | null {
  if (!gatedDelta) return null;
  const { valueHeads, keyDim, valueDim } = gatedDelta;
  const chunks = Math.ceil(tokens / DELTA_CHUNK);
  return {
    decays: floats('delta / decays', chunks, valueHeads, DELTA_CHUNK, 4),
    w: floats('delta / keys', tokens, valueHeads, keyDim),
    fresh: floats('delta / values', tokens, valueHeads, valueDim),
    scores: floats('delta / scores', chunks, valueHeads, DELTA_CHUNK, DELTA_CHUNK),
  };
}

function createShared(floats: Floats, { shared, hiddenSize }: Architecture, tokens: number): SharedActivations | null {
  if (!shared) return null;
  return {
    embedded: floats('embedded', tokens, hiddenSize),
    carried: floats('carried', tokens, hiddenSize),
    both: floats('stream and embeddings', tokens, 2 * hiddenSize),
    hidden: floats('shared / hidden', tokens, hiddenSize),
    gateUp: floats('shared / gate and up', tokens, 2 * shared.intermediateSize),
    adapted: floats('shared / adapted', tokens, (shared.attentionAdapters ? 3 : 1) * shared.adapterRank),
    ff: floats('shared / ff', tokens, shared.intermediateSize),
  };
}

function createMoe(maker: SliceMaker, architecture: Architecture, tokens: number): MoeActivations | null {
  const { moe, hiddenSize } = architecture;
  if (!moe) return null;
  const { experts, topK, intermediateSize, sharedGate, latentSize = 0 } = moe;
  const floats: Floats = (name, ...shape) => maker.floats(name, ...shape);
  const tiles = moeTiles({ experts, topK }, tokens);
  return {
    logits: floats('router logits', tokens, sharedGate ? experts + 1 : experts),
    experts: floats('experts', tokens, topK),
    shares: floats('shares', tokens, topK),
    pairs: floats('pairs', tiles, MOE_TILE),
    tileExperts: floats('tile experts', tiles),
    inner: floats('experts / inner', tokens, topK, intermediateSize),
    out: floats('experts / out', tokens, topK, latentSize || hiddenSize),
    latent: floats('experts / latent', tokens, latentSize),
    latentSquares: maker.filled('experts / unit squares', unitSquares(latentSize, architecture)),
  };
}
