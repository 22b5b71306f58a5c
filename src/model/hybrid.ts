import { type BufferSlice, slice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { attentionDecode } from '../kernels/attention_decode.ts';
import { attentionMergeMatvecAddPrenorm } from '../kernels/attention_merge_matvec_add_prenorm.ts';
import { attentionPrefill } from '../kernels/attention_prefill.ts';
import { conv1dPrefill } from '../kernels/conv1d_prefill.ts';
import {
  conv1dSelectiveStateUpdateGatePrenorm,
  gatedSquares,
} from '../kernels/conv1d_selective_state_update_gate_prenorm.ts';
import { embed } from '../kernels/embed.ts';
import { embedPrenorm } from '../kernels/embed_prenorm.ts';
import { mamba2Widths } from '../kernels/mamba2-shape.ts';
import { matmul } from '../kernels/matmul.ts';
import { matvecAddPrenorm } from '../kernels/matvec_add_prenorm.ts';
import { normedMatvec } from '../kernels/normed_matvec.ts';
import { normedMatvecAddPrenorm } from '../kernels/normed_matvec_add_prenorm.ts';
import { normedMatvecSwiglu } from '../kernels/normed_matvec_swiglu.ts';
import { rmsNorm } from '../kernels/rms_norm.ts';
import { rmsNormGated } from '../kernels/rms_norm_gated.ts';
import { rmsNormMatvec } from '../kernels/rms_norm_matvec.ts';
import type { Matrix } from '../kernels/matrix.ts';
import { ropeKvAppend } from '../kernels/rope_kv_append.ts';
import { ssdBmm } from '../kernels/ssd_bmm.ts';
import { ssdChunkScan } from '../kernels/ssd_chunk_scan.ts';
import type { Activations } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { attentionDims, mamba2Dims } from './dims.ts';
import type { GpuWeights } from './gpu-weights.ts';
import { project, projectAdd, projectSwiglu } from './projections.ts';
import type { BlockState } from './state.ts';

// The forward pass of a hybrid model as lists of dispatches, one list for a chunk of T tokens and one for T = 1. Read
// from top to bottom; the formulas are those of the Bamba paper and transformers' modeling_bamba.

/** All that a pass reads and writes. */
export interface Scope {
  architecture: Architecture;
  features: GpuFeatures;
  weights: GpuWeights;
  activations: Activations;
  blocks: readonly BlockState[];
  /** (positions, dims/2) of cos and sin. */
  rope: BufferSlice;
}

function embeddingTable({ architecture, weights }: Scope): Matrix {
  return weights.matrix('embedding', architecture.vocabSize, architecture.hiddenSize);
}

/** x = embedding[ids] of T tokens. */
export function prefillEmbedding(scope: Scope): DispatchSpec[] {
  const { ids, x } = scope.activations;
  return embed(scope.features, 'embedding', { ids, weights: embeddingTable(scope), x });
}

function headMatrix({ architecture, weights }: Scope) {
  const name = architecture.tiedHead ? 'embedding' : 'head';
  return weights.matrix(name, architecture.vocabSize, architecture.hiddenSize);
}

/** logits (V) of the last token of a pass over T tokens: final norm and head. */
export function prefillHead(scope: Scope): DispatchSpec[] {
  const { architecture, features, weights, activations } = scope;
  return rmsNormMatvec(
    features,
    'head',
    {
      x: activations.x,
      normWeight: weights.plain('final_norm', architecture.hiddenSize),
      weights: headMatrix(scope),
      y: activations.logits,
    },
    { eps: architecture.normEps },
  );
}

/** h = final norm of x, logits (T, V) of all tokens of the pass. */
export function headOfAll(scope: Scope, logits: BufferSlice): DispatchSpec[] {
  const { architecture, features, weights, activations } = scope;
  const { x, h } = activations;
  const weight = weights.plain('final_norm', architecture.hiddenSize);
  return [
    rmsNorm(features, 'head', { x, weight, y: h }, { columns: architecture.hiddenSize, eps: architecture.normEps }),
    ...matmul(features, 'head', { x: h, weights: headMatrix(scope), y: logits }, { normed: true }),
  ];
}

/** One block over T tokens. */
export function prefillBlock(scope: Scope, index: number): DispatchSpec[] {
  const state = scope.blocks[index]!;
  const mixer = state.kind === 'mamba2' ? prefillMamba2(scope, index, state) : prefillAttention(scope, index, state);
  return [...mixer, ...prefillMlp(scope, index)];
}

function mamba2Weights({ architecture, weights }: Scope, index: number) {
  const dims = mamba2Dims(architecture)!;
  const { inner, channels, projected } = mamba2Widths(dims);
  const name = (tensor: string) => `blocks.${index}.mamba2.${tensor}`;
  return {
    dims,
    inner,
    channels,
    projected,
    inProj: weights.matrix(name('in_proj'), projected, architecture.hiddenSize),
    convWeight: weights.plain(name('conv1d_weight'), channels, 4),
    convBias: weights.plain(name('conv1d_bias'), channels),
    name,
    norm: weights.plain(name('norm'), inner),
    outProj: weights.matrix(name('out_proj'), architecture.hiddenSize, inner),
  };
}

function blockNorm({ architecture, weights }: Scope, index: number, name: 'norm' | 'mlp_norm'): BufferSlice {
  return weights.plain(`blocks.${index}.${name}`, architecture.hiddenSize);
}

function prefillMamba2(scope: Scope, index: number, state: BlockState & { kind: 'mamba2' }): DispatchSpec[] {
  const { architecture, features, weights, activations } = scope;
  const { x, h, u, v, y, cb } = activations;
  const { hiddenSize, normEps: eps } = architecture;
  const w = mamba2Weights(scope, index);
  const label = `block ${index} / mamba2`;
  const heads = {
    dt_bias: weights.plain(w.name('dt_bias'), w.dims.heads),
    a: weights.plain(w.name('a'), w.dims.heads),
    d: weights.plain(w.name('d'), w.dims.heads),
  };
  const conv = { u, weight: w.convWeight, bias: w.convBias, v, state: slice(state.conv) };
  const gated = { columns: w.inner, stride: w.projected, groups: architecture.mamba2!.normGroups, eps };
  return [
    rmsNorm(features, label, { x, weight: blockNorm(scope, index, 'norm'), y: h }, { columns: hiddenSize, eps }),
    ...project(scope, label, { x: h, weights: w.inProj, y: u }, { normed: true }),
    conv1dPrefill(features, label, conv, { channels: w.channels, stride: w.projected, offset: w.inner }),
    ssdBmm(features, label, { v, cb }, w.dims),
    ssdChunkScan(features, label, { v, u, cb, ...heads, ssm_state: slice(state.ssm), y }, w.dims),
    rmsNormGated(features, label, { y, u, weight: w.norm, out: v }, gated),
    ...projectAdd(scope, label, { x: v, weights: w.outProj, y: x }, { normed: true }),
  ];
}

function attentionWeights({ architecture, weights }: Scope, index: number) {
  const dims = attentionDims(architecture)!;
  const { heads, kvHeads, headDim } = dims;
  const { hiddenSize } = architecture;
  return {
    dims,
    qkv: weights.matrix(`blocks.${index}.attention.qkv`, (heads + 2 * kvHeads) * headDim, hiddenSize),
    oProj: weights.matrix(`blocks.${index}.attention.o_proj`, hiddenSize, heads * headDim),
  };
}

function prefillAttention(scope: Scope, index: number, state: BlockState & { kind: 'attention' }): DispatchSpec[] {
  const { architecture, features, activations, rope } = scope;
  const { x, h, u, y } = activations;
  const { hiddenSize, normEps: eps } = architecture;
  const w = attentionWeights(scope, index);
  const label = `block ${index} / attention`;
  const cache = { k_cache: slice(state.keys), v_cache: slice(state.values) };
  return [
    rmsNorm(features, label, { x, weight: blockNorm(scope, index, 'norm'), y: h }, { columns: hiddenSize, eps }),
    ...project(scope, label, { x: h, weights: w.qkv, y: u }, { normed: true }),
    ropeKvAppend(features, label, { rope, qkv: u, ...cache }, w.dims),
    attentionPrefill(features, label, { qkv: u, ...cache, y }, w.dims),
    ...projectAdd(scope, label, { x: y, weights: w.oProj, y: x }, { normed: false }),
  ];
}

function mlpWeights({ architecture, weights }: Scope, index: number) {
  const { hiddenSize, intermediateSize } = architecture;
  return {
    gateUp: weights.matrix(`blocks.${index}.gate_up`, 2 * intermediateSize, hiddenSize),
    down: weights.matrix(`blocks.${index}.down`, hiddenSize, intermediateSize),
  };
}

function prefillMlp(scope: Scope, index: number): DispatchSpec[] {
  const { architecture, features, activations } = scope;
  const { x, h, ff } = activations;
  const { hiddenSize, normEps: eps } = architecture;
  const { gateUp, down } = mlpWeights(scope, index);
  const label = `block ${index} / mlp`;
  return [
    rmsNorm(features, label, { x, weight: blockNorm(scope, index, 'mlp_norm'), y: h }, { columns: hiddenSize, eps }),
    ...projectSwiglu(scope, label, { x: h, weights: gateUp, y: ff }, { normed: true }),
    ...projectAdd(scope, label, { x: ff, weights: down, y: x }, { normed: false }),
  ];
}

// Decode. A vector reaches a norm as h = x * norm_weight with partial sums of squares (shaders/lib/prenorm.wgsl), so each
// step names the norm that follows it.

/** The norm that follows the MLP of block `index`: that of the next block, or the final one. */
function normAfter(scope: Scope, index: number): BufferSlice {
  return index + 1 < scope.architecture.blocks.length
    ? blockNorm(scope, index + 1, 'norm')
    : scope.weights.plain('final_norm', scope.architecture.hiddenSize);
}

/** x and h of one token. */
export function decodeEmbedding(scope: Scope): DispatchSpec[] {
  const { ids, x, h, squares } = scope.activations;
  const normWeight = blockNorm(scope, 0, 'norm');
  return embedPrenorm(scope.features, 'embedding', { ids, weights: embeddingTable(scope), normWeight, x, h, squares });
}

/** One block over one token. */
export function decodeBlock(scope: Scope, index: number): DispatchSpec[] {
  const state = scope.blocks[index]!;
  const mixer = state.kind === 'mamba2' ? decodeMamba2(scope, index, state) : decodeAttention(scope, index, state);
  return [...mixer, ...decodeMlp(scope, index)];
}

/** logits (V) of one token. */
export function decodeHead(scope: Scope): DispatchSpec[] {
  const { h, squares, logits } = scope.activations;
  return normedMatvec(scope.features, 'head', { h, squares, weights: headMatrix(scope), y: logits }, streamNorm(scope));
}

/** Options of a norm of the residual stream: the last to write it left a sum of squares for every four rows. */
function streamNorm({ architecture }: Scope) {
  return { squares: architecture.hiddenSize / 4, eps: architecture.normEps };
}

/** The same at the entry of a block: before the first stands the embedding, which leaves one sum. */
function entryNorm(scope: Scope, index: number) {
  return index === 0 ? { ...streamNorm(scope), squares: 1 } : streamNorm(scope);
}

function decodeMamba2(scope: Scope, index: number, state: BlockState & { kind: 'mamba2' }): DispatchSpec[] {
  const { architecture, features, weights, activations } = scope;
  const { x, h, squares, gatedSquares: gSquares, u } = activations;
  const w = mamba2Weights(scope, index);
  const label = `block ${index} / mamba2`;
  const heads = weights.joined(w.name('heads'), [w.name('dt_bias'), w.name('a'), w.name('d')], w.dims.heads);
  const update = {
    conv_weight: w.convWeight,
    conv_bias: w.convBias,
    heads,
    norm_weight: w.norm,
    u,
    conv_state: slice(state.conv),
    ssm_state: slice(state.ssm),
    squares: gSquares,
  };
  const gatedNorm = { squares: gatedSquares(w.dims), eps: architecture.normEps };
  const normWeight = blockNorm(scope, index, 'mlp_norm');
  return [
    ...normedMatvec(features, label, { h, squares, weights: w.inProj, y: u }, entryNorm(scope, index)),
    conv1dSelectiveStateUpdateGatePrenorm(features, label, update, w.dims),
    ...normedMatvecAddPrenorm(
      features,
      label,
      { g: u, gSquares, weights: w.outProj, normWeight, x, h, squares },
      gatedNorm,
    ),
  ];
}

function decodeAttention(scope: Scope, index: number, state: BlockState & { kind: 'attention' }): DispatchSpec[] {
  const { features, activations, rope } = scope;
  const { x, h, squares, u, partial } = activations;
  const w = attentionWeights(scope, index);
  const label = `block ${index} / attention`;
  const cache = { k_cache: slice(state.keys), v_cache: slice(state.values) };
  const normWeight = blockNorm(scope, index, 'mlp_norm');
  const merge = { partial, weights: w.oProj, normWeight, x, h, squares };
  return [
    ...normedMatvec(features, label, { h, squares, weights: w.qkv, y: u }, entryNorm(scope, index)),
    attentionDecode(features, label, { qkv: u, rope, ...cache, partial }, w.dims),
    ...attentionMergeMatvecAddPrenorm(features, label, merge, w.dims),
  ];
}

function decodeMlp(scope: Scope, index: number): DispatchSpec[] {
  const { features, activations } = scope;
  const { x, h, squares, ff } = activations;
  const { gateUp, down } = mlpWeights(scope, index);
  const label = `block ${index} / mlp`;
  const normWeight = normAfter(scope, index);
  return [
    ...normedMatvecSwiglu(features, label, { h, squares, weights: gateUp, y: ff }, streamNorm(scope)),
    ...matvecAddPrenorm(features, label, { v: ff, weights: down, normWeight, x, h, squares }),
  ];
}
