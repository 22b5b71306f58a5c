import type { DispatchSpec } from '../gpu/plan.ts';
import { ATTENTION_SPLITS } from '../kernels/attention/attention-shape.ts';
import { CACHE_TYPES, cacheRowBytes, type CacheType } from '../kernels/attention/kv-cache.ts';
import { DELTA_CHUNK } from '../kernels/gated_delta/delta-shape.ts';
import { CHUNK_TOKENS } from '../kernels/mamba2/mamba2-shape.ts';
import { ACTIONS } from '../kernels/projections/projection.ts';
import { type Architecture, hasBranch, mlpWidth } from '../architecture/architecture.ts';
import { cacheBytes } from '../model/sequence-cache.ts';
import { stateBytes } from '../model/state.ts';

// What a dispatch cannot do without: the bytes that it has to move and the operations that it has to do, whatever the
// way it does them.

/** The pass that a dispatch is part of. */
export interface PassShape {
  architecture: Architecture;
  /** Tokens in the state before the pass. */
  position: number;
  /** T. Activation buffers have exactly so many rows. */
  tokens: number;
}

type Params = Readonly<Record<string, number>>;

export interface Work {
  /** Read and written. */
  bytes: number;
  /** Operations of floating-point arithmetic, a multiply-add being two. */
  flops: number;
}

/** Buffers that are read only where a setting asks for it, and none does here. */
const UNREAD: Readonly<Record<string, readonly string[]>> = {
  logits_process: ['counts', 'bias'],
  sample: ['counts', 'logits', 'ids', 'output', 'step', 'settings'],
};

/** Written buffers whose old values count. */
const UPDATED = /^(ssm_state|conv_state|state)$/;

/** Kernels that add to x whatever their constants are. */
const ADDS = /_add(?:_|$)/;

/** The least work of a dispatch. */
export function workOf(spec: DispatchSpec, pass: PassShape): Work {
  return { bytes: bytesOf(spec, pass), flops: flopsOf(spec, pass) };
}

function bytesOf(spec: DispatchSpec, { architecture, position, tokens }: PassShape): number {
  const { kernel, params = {}, constants = {} } = spec;
  const adds = ADDS.test(kernel.name) || constants['ACTION'] === ACTIONS.add;
  const { attention } = architecture;
  let bytes = 0;
  for (const [name, { size }] of Object.entries(spec.buffers)) {
    if (UNREAD[kernel.name]?.includes(name)) continue;
    if (name === 'k_cache' || name === 'v_cache') {
      // Appended to, and by attention read up to the last token.
      const from = kernel.name === 'rope_kv_append' ? position : 0;
      const inSegment = (end: number) => keysInSegment(params, end);
      bytes += (inSegment(position + tokens) - inSegment(from)) * keyBytes(spec, architecture);
    } else if (name === 'rope') bytes += tokens * (attention?.rope?.dims ?? 0) * 4;
    else if (name === 'weights' && kernel.name.startsWith('embed')) bytes += tokens * (params['blocks'] ?? 0) * 16;
    else if (UPDATED.test(name) || (adds && /^[xy]$/.test(name) && kernel.writes.includes(name))) {
      bytes += 2 * size;
    } else if (name === 'x_squares' && kernel.name === 'embed_to_norm') bytes += 16;
    // Those of the experts that are chosen.
    else if (name === 'weights' && kernel.name.startsWith('moe_')) bytes += size * expertShare(architecture, tokens);
    // One split would do.
    else if (name === 'partial') bytes += size / ATTENTION_SPLITS;
    else bytes += size;
  }
  return bytes;
}

/** Tokens before `end` that a segment of the cache has. */
function keysInSegment({ segment_first = 0, segment_tokens = Infinity }: Params, end: number): number {
  return Math.min(segment_tokens, Math.max(0, end - segment_first));
}

/** Bytes of all keys of one token; a kernel's variant says what they are stored as. */
function keyBytes({ variant }: DispatchSpec, { attention }: Architecture): number {
  const type = CACHE_TYPES.find((one) => one === variant.scheme) ?? 'f32';
  return attention ? attention.kvHeads * cacheRowBytes(type, attention.headDim) : 0;
}

/** How often a token passes through a set of shared weights. */
function sharedUses({ blocks, shared }: Architecture, set: number): number {
  const uses = blocks.filter((block) => hasBranch([block], 'shared')).length;
  return shared ? Math.ceil((uses - set) / shared.sets) : 0;
}

/** Share of all experts' weights that so many tokens read, no two going to the same expert where there are enough. */
function expertShare({ moe }: Architecture, tokens: number): number {
  return moe ? Math.min(1, (tokens * moe.topK) / moe.experts) : 1;
}

function flopsOf({ kernel, params = {} }: DispatchSpec, { architecture, position, tokens }: PassShape): number {
  const { mamba2, attention, moe } = architecture;
  if (kernel.name.startsWith('attention_') && !kernel.name.includes('matvec') && attention) {
    let keys = 0;
    for (let t = 1; t <= tokens; t++) keys += keysInSegment(params, position + t);
    return 4 * attention.heads * attention.headDim * keys;
  }
  if (kernel.name.startsWith('ssd_') && mamba2) {
    const { heads, headDim: P, stateSize: N, groups } = mamba2;
    const flops: Readonly<Record<string, number>> = {
      ssd_bmm: groups * CHUNK_TOKENS * N * 2,
      ssd_chunk_scan: heads * P * (2 * CHUNK_TOKENS + 2 * N),
      ssd_state_passing: heads * P * 2 * N,
    };
    return tokens * (flops[kernel.name] ?? 0);
  }
  if (kernel.name.includes('selective_state_update') && mamba2) {
    return tokens * mamba2.heads * mamba2.headDim * mamba2.stateSize * 5;
  }
  if (kernel.name.startsWith('moe_') && params['rows'] !== undefined && moe) {
    return 2 * params['rows'] * matrixColumns(params) * tokens * (moe.topK / moe.experts);
  }
  if (!kernel.name.startsWith('embed') && params['rows'] !== undefined) {
    // A matvec in a pass over many tokens is the head, which only the last one needs.
    return 2 * params['rows'] * matrixColumns(params) * (kernel.name.includes('matvec') ? 1 : tokens);
  }
  return 0;
}

/** Columns of the matrix of a dispatch; kernels on integers count them in blocks of 16. */
export function matrixColumns({ columns4, x_blocks = 0 }: Readonly<Record<string, number>>): number {
  return columns4 === undefined ? 16 * x_blocks : 4 * columns4;
}

/** Bytes that decoding one token reads at least: all weights but an embedding that is only looked up, and the state. */
export function decodeBytes(
  architecture: Architecture,
  tensors: readonly { name: string; bytes: number; shape: readonly number[] }[],
  position: number,
  cacheType: CacheType,
): { weights: number; state: number } {
  let weights = 0;
  for (const { name, bytes, shape } of tensors) {
    if (name === 'embedding' && !architecture.tiedHead) weights += bytes / (shape[0] ?? 1);
    else if (/\.moe\.(?:gate_up|up|down)$/.test(name)) weights += bytes * expertShare(architecture, 1);
    else if (name.startsWith('shared.')) weights += bytes * sharedUses(architecture, Number(name.split('.')[1]));
    else weights += bytes;
  }
  return { weights, state: stateBytes(architecture, cacheType).fixed + cacheBytes(architecture, cacheType, position) };
}

/** Operations of reading a prompt of `tokens` tokens into an empty state, with logits of its last one. */
export function prefillFlops(architecture: Architecture, tokens: number): number {
  const {
    hiddenSize: C,
    vocabSize: V,
    mamba2,
    mamba1,
    shortConv,
    gatedDelta,
    rgLru,
    attention,
    shared,
    moe,
    blocks,
  } = architecture;
  let flops = 2 * V * C;
  for (const [index, block] of blocks.entries()) {
    const F = mlpWidth(architecture, index);
    if (hasBranch([block], 'swiglu')) flops += 2 * 3 * F * C * tokens;
    if (hasBranch([block], 'relu2')) flops += 2 * 2 * F * C * tokens;
  }
  for (const kind of blocks.flat(2)) {
    if (kind === 'moe' && moe) {
      const { latentSize: L = C, ungated } = moe;
      const around = L === C ? 0 : 2 * L * C;
      flops += 2 * ((ungated ? 2 : 3) * L * moe.topK * moe.intermediateSize + around + C * moe.experts) * tokens;
    }
    if (kind === 'mamba1' && mamba1) {
      const { inner, stateSize: N, dtRank } = mamba1;
      flops += (2 * inner * (3 * C + 2 * dtRank + 2 * N) + 5 * inner * N) * tokens;
    }
    if (kind === 'short_conv' && shortConv) flops += 2 * C * (4 * C + shortConv.convWidth) * tokens;
    if (kind === 'gated_delta' && gatedDelta) {
      const { keyHeads, valueHeads, keyDim, valueDim } = gatedDelta;
      const values = valueHeads * valueDim;
      flops += 2 * C * (2 * keyHeads * keyDim + 3 * values + 2 * valueHeads) * tokens;
      // Inside a chunk two products of keys, the solution and what it multiplies; then three with the state.
      const inChunk = 2 * DELTA_CHUNK * (3 * keyDim + 2 * valueDim);
      flops += valueHeads * (inChunk + 2 * 3 * keyDim * valueDim) * tokens;
    }
    if (kind === 'rg_lru' && rgLru) {
      const { width: w, heads } = rgLru;
      flops += (2 * 3 * C * w + (2 * 2 * w * w) / heads) * tokens;
    }
    if (kind === 'mamba2' && mamba2) {
      const { heads, headDim, stateSize: N, groups } = mamba2;
      const inner = heads * headDim;
      flops += 2 * C * (3 * inner + 2 * groups * N + heads) * tokens;
      flops += (groups * CHUNK_TOKENS * N * 2 + inner * (2 * CHUNK_TOKENS + 4 * N)) * tokens;
    }
    if (kind === 'shared' && shared && attention) {
      // Attention reads twice the width, which is counted half below.
      flops += 2 * C * (attention.heads + 2 * attention.kvHeads) * attention.headDim * tokens;
      flops +=
        2 * (3 * shared.intermediateSize * C + shared.adapterRank * (C + 2 * shared.intermediateSize) + C * C) * tokens;
      const width = (attention.heads + 2 * attention.kvHeads) * attention.headDim;
      if (shared.attentionAdapters) flops += 2 * 3 * shared.adapterRank * (2 * C + width) * tokens;
    }
    if ((kind === 'attention' || kind === 'shared') && attention) {
      const { heads, kvHeads, headDim } = attention;
      flops += 2 * C * (2 * heads + 2 * kvHeads) * headDim * tokens;
      flops += 4 * heads * headDim * ((tokens * (tokens + 1)) / 2);
    }
  }
  return flops;
}
