import type { DispatchSpec } from '../gpu/plan.ts';
import { ATTENTION_SPLITS } from '../kernels/attention/attention-shape.ts';
import { CACHE_TYPES, cacheRowBytes } from '../kernels/attention/kv-cache.ts';
import { CHUNK_TOKENS } from '../kernels/mamba2/mamba2-shape.ts';
import { ACTIONS } from '../kernels/projections/projection.ts';
import type { Architecture } from '../architecture/architecture.ts';

// The least work of a dispatch: the bytes that it has to move and the operations that it has to do, in whatever way.

/** The pass that a dispatch is part of. */
export interface PassShape {
  architecture: Architecture;
  /** Tokens in the state before the pass. */
  position: number;
  /** T. Activation buffers have exactly so many rows. */
  tokens: number;
  /** That decode at once; 1 where it is not given. */
  sequences?: number;
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
  return { bytes: bytesOf(spec, pass), flops: sequencesOf(spec, pass) * flopsOf(spec, pass) };
}

function bytesOf(spec: DispatchSpec, { architecture, position, tokens }: PassShape): number {
  const { kernel, params = {}, constants = {} } = spec;
  const adds = ADDS.test(kernel.name) || constants['ACTION'] === ACTIONS.add;
  const { attention } = architecture;
  let bytes = 0;
  for (const [name, { size }] of Object.entries(spec.buffers)) {
    if (UNREAD[kernel.name]?.includes(name)) continue;
    if (name === 'k_cache' || name === 'v_cache') {
      // Appended to, and by attention read up to the last token, from the first that a window shows.
      const isAppended = kernel.name === 'rope_kv_append';
      const inSegment = (end: number) => keysInSegment(params, end);
      const keys = inSegment(position + tokens) - inSegment(isAppended ? position : 0);
      const seen = isAppended ? keys : Math.min(keys, windowOf(constants) + tokens - 1);
      bytes += seen * keyBytes(spec, architecture);
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

/** Keys that a token sees at most. */
function windowOf({ WINDOW = 0 }: Params): number {
  return WINDOW === 0 ? Infinity : WINDOW;
}

/** Bytes of all keys of one token; a kernel's variant says what they are stored as. */
function keyBytes({ variant }: DispatchSpec, { attention }: Architecture): number {
  const type = CACHE_TYPES.find((one) => one === variant.scheme) ?? 'f32';
  return attention ? attention.kvHeads * cacheRowBytes(type, attention.headDim) : 0;
}

/** Share of all experts' weights that so many tokens read, no two going to the same expert where there are enough. */
function expertShare({ moe }: Architecture, tokens: number): number {
  return moe ? Math.min(1, (tokens * moe.topK) / moe.experts) : 1;
}

/** Sequences that a dispatch is for. */
function sequencesOf({ kernel, constants = {} }: DispatchSpec, { sequences = 1 }: PassShape): number {
  return constants['COLUMNS'] ?? (kernel.slots ? sequences : 1);
}

/** Operations for each sequence. */
function flopsOf(
  { kernel, params = {}, constants = {} }: DispatchSpec,
  { architecture, position, tokens }: PassShape,
): number {
  const { mamba2, attention, moe } = architecture;
  if (/^attention_(?!gate|.*matvec)/.test(kernel.name) && attention) {
    let keys = 0;
    for (let t = 1; t <= tokens; t++) keys += Math.min(windowOf(constants), keysInSegment(params, position + t));
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
