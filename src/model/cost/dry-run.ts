import { BufferTally, slice, wholeBuffers } from '../../gpu/buffers.ts';
import { type GpuFeatures, type GpuLimits, largestBinding } from '../../gpu/device.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { CacheType } from '../../kernels/attention/kv-cache.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import type { TensorEntry } from '../../weights/types.ts';
import { boundTokens, createActivations } from '../activations.ts';
import { DEFAULT_CHUNK_TOKENS } from '../chunks.ts';
import { prefillHead, promptParts, stepParts } from '../hybrid.ts';
import { PlacedWeights, placeTensors } from '../placed-weights.ts';
import { createRopeBuffers } from '../rope-table.ts';
import { createSamplerBuffers, samplerDispatches } from '../sampler.ts';
import type { Scope } from '../scope.ts';
import { cacheLayout, createCaches } from '../sequence-cache.ts';
import { fixedState } from '../state.ts';
import { roundUp } from '../window-ring.ts';

// A model as it would be made ready, without a device: the same code allocates and lists dispatches, in buffers that only
// have a size. So what is said of a model's memory beforehand cannot differ from what it takes.

/** What a dry run is made for. */
export interface DrySettings {
  /** Tokens that a sequence has room for. */
  tokens: number;
  cacheType: CacheType;
  /** Tokens of a pass over a prompt; fewer where a device binds no buffers for so many. */
  chunkTokens?: number;
  /** Of the device; by default those of a desktop GPU. */
  features?: GpuFeatures;
  limits?: GpuLimits;
}

/** What a model takes, and what it does. */
export interface DryRun {
  /** GPU memory in bytes: weights; a sequence's state that does not grow; its keys and values; all between kernels. */
  bytes: { weights: number; state: number; keysAndValues: number; working: number };
  /** Tokens of a pass over a prompt. */
  chunkTokens: number;
  /** Dispatches of one decoded token, the sampler's included. */
  step: readonly DispatchSpec[];
  /** Dispatches of a long pass over a prompt, and those of its head, which follow the last pass alone. */
  prompt: readonly DispatchSpec[];
  head: readonly DispatchSpec[];
}

/** What desktop GPUs have in Chromium, but for half precision and experiments. */
const DESKTOP: GpuFeatures = {
  f16: false,
  subgroups: true,
  timestamps: false,
  byteProducts: true,
  subgroupMatrices: false,
  subgroupSize: 32,
  quickByteProducts: true,
  fixedPoint: true,
  maxInvocations: 1024,
  workgroupBytes: 32_768,
  narrowRows: 0,
};

/** Buffers of 4 GiB and bindings of 2, which most desktop GPUs allow. */
const DESKTOP_LIMITS: GpuLimits = { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 31 - 4 };

/**
 * Makes a model ready without a device.
 * @param entries its tensors, see `planTensors`
 * @throws BambaError `manifest_invalid` for tensors that are not the architecture's, `adapter_limit`.
 */
export function dryRun(architecture: Architecture, entries: readonly TensorEntry[], settings: DrySettings): DryRun {
  const { tokens, cacheType, features = DESKTOP, limits = DESKTOP_LIMITS } = settings;
  const memory = { weights: new BufferTally(), state: new BufferTally(), cache: new BufferTally() };
  const working = new BufferTally();
  const weights = new PlacedWeights(memory.weights, placeTensors(entries, limits));
  const capacity = roundUp(Math.max(1, tokens));
  const caches = createCaches(memory.cache, architecture, cacheLayout(architecture, cacheType, limits), capacity);
  const blocks = architecture.blocks.map((_, index) => {
    const attention = caches[index];
    return { ...fixedState(wholeBuffers(memory.state), architecture, index, 'f32'), ...(attention && { attention }) };
  });
  const wanted = Math.min(settings.chunkTokens ?? DEFAULT_CHUNK_TOKENS, Math.max(1, tokens));
  const chunkTokens = boundTokens(architecture, wanted, largestBinding(limits));
  const { subgroupMatrices } = features;
  const activations = createActivations(wholeBuffers(working), architecture, chunkTokens, { subgroupMatrices });
  const sampler = createSamplerBuffers(working, architecture.vocabSize);
  // Of the prompt's last token, for another answer to begin with.
  working.floats('last logits', architecture.vocabSize);
  const angles = createRopeBuffers(working, architecture.attention ?? {}, capacity);
  const scope: Scope = {
    architecture,
    features,
    pass: 'long',
    weights,
    activations,
    blocks,
    rope: slice(angles[0]!.buffer),
    localRope: slice(angles.at(-1)!.buffer),
    normed: true,
  };
  return {
    step: [
      ...stepParts({ ...scope, pass: 'short' }).flat(),
      ...samplerDispatches(features, sampler, activations, architecture.vocabSize),
    ],
    prompt: promptParts(scope).flat(),
    head: prefillHead(scope),
    chunkTokens,
    // After the lists: joined tensors are made when they are first asked for.
    bytes: {
      weights: memory.weights.bytes,
      state: memory.state.bytes,
      keysAndValues: memory.cache.bytes,
      working: working.bytes,
    },
  };
}
