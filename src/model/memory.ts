import { planTensors, streamBytes } from '../weights/package-writer.ts';
import type { Scheme, TensorSpec } from '../weights/types.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import { activationBytes } from './activations.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { cacheBytes } from './sequence-cache.ts';
import { stateBytes } from './state.ts';

/** GPU memory that a model takes, by what it is for. Programs and the driver's own are not in it. */
export interface ModelMemory {
  weights: number;
  /** Of one sequence: what does not grow, and keys and values of `tokens` tokens. */
  state: number;
  keysAndValues: number;
  /** Between kernels, and the table of rotary angles. */
  working: number;
  total: number;
}

/** What a conversation of `tokens` tokens takes: what does not grow, keys and values, and the table of rotary angles. */
export function contextBytes(architecture: Architecture, cacheType: CacheType, tokens: number): number {
  const { fixed } = stateBytes(architecture, cacheType);
  return fixed + cacheBytes(architecture, cacheType, tokens) + anglesBytes(architecture, tokens);
}

function anglesBytes({ attention }: Architecture, tokens: number): number {
  return ((attention?.rope?.dims ?? 0) + (attention?.localRope?.dims ?? 0)) * 4 * tokens;
}

/**
 * What a model takes with a sequence of `tokens` tokens, in bytes, before any of it is there.
 * @param specs its tensors, see `parseConfig` and `packageTensors`.
 */
export function modelMemory(
  architecture: Architecture,
  specs: readonly TensorSpec[],
  scheme: Scheme,
  { tokens, cacheType, chunkTokens = 256 }: { tokens: number; cacheType: CacheType; chunkTokens?: number },
): ModelMemory {
  const { fixed } = stateBytes(architecture, cacheType);
  const weights = streamBytes(planTensors(specs, scheme));
  const keysAndValues = cacheBytes(architecture, cacheType, tokens);
  const angles = anglesBytes(architecture, tokens);
  // Logits are kept twice: of the last token, and for the next answer to begin with.
  const working = activationBytes(architecture, Math.min(chunkTokens, tokens)) + angles + 4 * architecture.vocabSize;
  const total = weights + fixed + keysAndValues + working;
  return { weights, state: fixed, keysAndValues, working, total };
}
