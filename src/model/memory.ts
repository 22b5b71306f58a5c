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
  /** The bytes of one sequence: the state that does not grow, and keys and values of `tokens` tokens. */
  state: number;
  keysAndValues: number;
  /** Between kernels and of the sampler, and the table of rotary angles. */
  working: number;
  total: number;
}

/**
 * The bytes of a conversation of `tokens` tokens: the state that does not grow, keys and values, and the table of
 * rotary angles.
 */
export function contextBytes(architecture: Architecture, cacheType: CacheType, tokens: number): number {
  const { fixed } = stateBytes(architecture, cacheType);
  return fixed + cacheBytes(architecture, cacheType, tokens) + anglesBytes(architecture, tokens);
}

function anglesBytes({ attention }: Architecture, tokens: number): number {
  return ((attention?.rope?.dims ?? 0) + (attention?.localRope?.dims ?? 0)) * 4 * tokens;
}

/**
 * The bytes of a model with a sequence of `tokens` tokens, before any of it is there. `Model` takes them once the
 * sequence has room for these tokens. Keys and values have room for whole blocks of tokens.
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
