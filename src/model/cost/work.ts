import type { CacheType } from '../../kernels/attention/kv-cache.ts';
import { DELTA_CHUNK } from '../../kernels/gated_delta/delta-shape.ts';
import { CHUNK_TOKENS } from '../../kernels/mamba2/mamba2-shape.ts';
import { type Architecture, attentionLayer, type Branch, hasBranch } from '../../architecture/architecture.ts';
import type { TensorEntry } from '../../weights/types.ts';
import { cacheBytes } from '../sequence-cache.ts';
import { stateBytes } from '../state.ts';

// What a pass cannot do without: bytes that it has to read, and operations that it has to do, whatever the way it does them.
// Both are counted from the model's tensors. A tensor of two dimensions is multiplied once for each token; the exceptions
// are below. To that comes what branches do with their states, and with keys and values.

/** The least work of a pass. */
export interface Work {
  /** Bytes of the weights that it reads. */
  weights: number;
  /** Bytes of the states that do not grow, of all sequences. They are read, and written as well. */
  state: number;
  /** Bytes of keys and values that it reads, of all sequences. */
  keysAndValues: number;
  /** Operations of floating-point arithmetic, a multiply-add being two. */
  flops: number;
}

type Tensor = Pick<TensorEntry, 'name' | 'shape' | 'bytes'>;

/** A pass over the last token of each sequence. */
export interface StepShape {
  /** Tokens of each sequence before it. */
  position: number;
  cacheType: CacheType;
  /** Sequences that go through the model together, each weight being read once for all; 1 by default. */
  batch?: number;
}

/** The least work of decoding one token of each sequence. The embedding is looked up where it is not the head, too. */
export function decodeWork(architecture: Architecture, tensors: readonly Tensor[], shape: StepShape): Work {
  const { position, cacheType, batch = 1 } = shape;
  let weights = 0;
  for (const tensor of tensors) {
    if (isLookedUp(architecture, tensor)) weights += (batch * tensor.bytes) / (tensor.shape[0] ?? 1);
    else weights += tensor.bytes * readShare(architecture, tensor, batch);
  }
  const multiplied = tensors.reduce((sum, tensor) => sum + products(architecture, tensor), 0);
  const mixing = mixingFlops(architecture, (window) => Math.min(window, position + 1), 'step');
  return {
    weights,
    state: batch * stateBytes(architecture, cacheType).fixed,
    keysAndValues: batch * cacheBytes(architecture, cacheType, position),
    flops: batch * (2 * multiplied + mixing),
  };
}

/**
 * The least work of reading a prompt of `tokens` tokens into an empty state, with logits of its last token. Weights and
 * the state count once for every pass of `chunkTokens`. Keys and values count once in each pass, as far as they are
 * before it.
 */
export function prefillWork(
  architecture: Architecture,
  tensors: readonly Tensor[],
  shape: { tokens: number; chunkTokens: number; cacheType: CacheType; batch?: number },
): Work {
  const { tokens, chunkTokens, cacheType, batch = 1 } = shape;
  const passes = Math.ceil(tokens / chunkTokens);
  const work: Work = {
    weights: 0,
    state: batch * passes * stateBytes(architecture, cacheType).fixed,
    keysAndValues: 0,
    flops: 0,
  };
  for (const tensor of tensors) {
    const isHead = isVocabulary(tensor);
    if (!isHead) work.weights += batch * passes * tensor.bytes * readShare(architecture, tensor, chunkTokens);
    else if (!isLookedUp(architecture, tensor)) work.weights += batch * tensor.bytes;
    work.flops += batch * 2 * products(architecture, tensor) * (isHead ? 1 : tokens);
  }
  for (let first = chunkTokens; first < tokens; first += chunkTokens)
    work.keysAndValues += batch * cacheBytes(architecture, cacheType, first);
  work.flops += batch * mixingFlops(architecture, (window) => keysSeen(window, tokens), 'prompt', tokens);
  return work;
}

/** Parameters of a model: elements of its tensors. */
export function parameterCount(tensors: readonly { shape: readonly number[] }[]): number {
  return tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isVocabulary({ name }: Tensor): boolean {
  return name === 'embedding' || name === 'head';
}

function isLookedUp({ tiedHead }: Architecture, { name }: Tensor): boolean {
  return name === 'embedding' && !tiedHead;
}

/** How often a token passes through a set of shared weights. */
function sharedUses({ blocks, shared }: Architecture, set: number): number {
  const uses = blocks.filter((block) => hasBranch([block], 'shared')).length;
  return shared ? Math.ceil((uses - set) / shared.sets) : 0;
}

function usesOf(architecture: Architecture, { name }: Tensor): number {
  return name.startsWith('shared.') ? sharedUses(architecture, Number(name.split('.')[1])) : 1;
}

function isOfExperts({ name }: Tensor): boolean {
  return /\.moe\.(?:gate_up|up|down)$/.test(name);
}

/** How often a tensor is read by so many tokens at once: experts only where a token goes to them, no two to the same. */
function readShare(architecture: Architecture, tensor: Tensor, tokens: number): number {
  const { moe } = architecture;
  const chosen = moe && isOfExperts(tensor) ? Math.min(1, (tokens * moe.topK) / moe.experts) : 1;
  return chosen * usesOf(architecture, tensor);
}

/** Multiply-adds of a token with a tensor. Vectors are next to nothing, and Mamba-1's decays belong to its scan. */
function products(architecture: Architecture, tensor: Tensor): number {
  const { name, shape } = tensor;
  if (shape.length < 2 || isLookedUp(architecture, tensor) || name.endsWith('.mamba1.a')) return 0;
  const { moe } = architecture;
  const chosen = moe && isOfExperts(tensor) ? moe.topK / moe.experts : 1;
  return elements(shape) * chosen * usesOf(architecture, tensor);
}

/** Keys that all tokens of a prompt see together, each itself and those before it within the window. */
function keysSeen(window: number, tokens: number): number {
  const rising = Math.min(window, tokens);
  return (rising * (rising + 1)) / 2 + (tokens - rising) * rising;
}

type PassKind = 'step' | 'prompt';

/** Operations of all branches besides their tensors. @param keys keys that are seen through a window, by all tokens. */
function mixingFlops(architecture: Architecture, keys: (window: number) => number, pass: PassKind, tokens = 1): number {
  const { blocks, attention } = architecture;
  let flops = 0;
  for (const [index, block] of blocks.entries()) {
    for (const kind of block.flat()) {
      if ((kind === 'attention' || kind === 'shared') && attention) {
        const window = attentionLayer(architecture, index).window ? (attention.window ?? Infinity) : Infinity;
        flops += 4 * attention.heads * attention.headDim * keys(window);
      } else flops += stateFlops(architecture, kind, pass) * tokens;
    }
  }
  return flops;
}

/** Operations of a token with the state of a recurrent branch: in a step by itself, in a prompt in chunks. */
function stateFlops({ mamba2, mamba1, gatedDelta, rgLru }: Architecture, kind: Branch, pass: PassKind): number {
  if (kind === 'mamba2' && mamba2) {
    const { heads, headDim, stateSize: N, groups } = mamba2;
    if (pass === 'step') return heads * headDim * N * 5;
    return groups * CHUNK_TOKENS * N * 2 + heads * headDim * (2 * CHUNK_TOKENS + 4 * N);
  }
  if (kind === 'mamba1' && mamba1) return 5 * mamba1.inner * mamba1.stateSize;
  if (kind === 'gated_delta' && gatedDelta) {
    const { valueHeads, keyDim, valueDim } = gatedDelta;
    // What the state has under the key, the correction, what the query finds; and the decay.
    if (pass === 'step') return valueHeads * keyDim * valueDim * 7;
    // Inside a chunk two products of keys, the solution and what it multiplies; then three with the state.
    return valueHeads * (2 * DELTA_CHUNK * (3 * keyDim + 2 * valueDim) + 2 * 3 * keyDim * valueDim);
  }
  // A decay and a gated input for each channel.
  return kind === 'rg_lru' && rgLru ? 4 * rgLru.width : 0;
}
