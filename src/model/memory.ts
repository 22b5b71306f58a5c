import { planTensors } from '../weights/package-writer.ts';
import type { Scheme, TensorSpec } from '../weights/types.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { dryRun, type DryRun, type DrySettings } from './cost/dry-run.ts';
import { cacheBytes } from './sequence-cache.ts';
import { stateBytes } from './state.ts';

/** GPU memory that a model takes, by what it is for. Programs and the driver's own are not in it. */
export interface ModelMemory {
  weights: number;
  /** Of one sequence: what does not grow, and keys and values of `tokens` tokens. */
  state: number;
  keysAndValues: number;
  /** Between kernels and of the sampler, and the table of rotary angles. */
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
 * What a model takes with a sequence of `tokens` tokens, in bytes, before any of it is there: it is what `Model` takes once
 * the sequence has room for these. Keys and values have room for whole blocks of tokens.
 * @param specs its tensors, see `parseConfig` and `packageTensors`.
 */
export function modelMemory(
  architecture: Architecture,
  specs: readonly TensorSpec[],
  scheme: Scheme,
  options: DrySettings,
): ModelMemory {
  return memoryOf(dryRun(architecture, planTensors(specs, scheme), options));
}

/** The same of a dry run. */
export function memoryOf({ bytes }: Pick<DryRun, 'bytes'>): ModelMemory {
  const { weights, state, keysAndValues, working } = bytes;
  return { ...bytes, total: weights + state + keysAndValues + working };
}
