import type { Architecture } from '../../architecture/architecture.ts';
import type { CacheType } from '../../kernels/attention/kv-cache.ts';
import { planTensors } from '../../weights/package-writer.ts';
import type { Scheme, TensorSpec } from '../../weights/types.ts';
import { memoryOf, type ModelMemory } from '../memory.ts';
import { dryRun } from './dry-run.ts';
import { type Bottleneck, bottleneckOf, passSeconds, type PassSeconds, type Rates } from './seconds.ts';
import { decodeWork, parameterCount, prefillWork, type Work } from './work.ts';

/** The work that costs are asked for. */
export interface CostSettings {
  scheme: Scheme;
  cacheType: CacheType;
  /** Tokens of each sequence: the prompt that is read, and what a token is decoded behind. */
  context: number;
  /** Sequences that go through the model together. */
  batch: number;
  rates: Rates;
}

/** The costs of a pass. */
export interface PassCost {
  work: Work;
  dispatches: number;
  seconds: PassSeconds;
  /** Tokens a second, of all sequences together. */
  tokensPerS: number;
  bottleneck: Bottleneck;
}

/** The costs of a model. */
export interface ModelCost {
  parameters: number;
  /** GPU memory in bytes, with all sequences. */
  memory: ModelMemory;
  /** Reading a prompt as long as the context for each sequence, until the logits of its last token are there. */
  prefill: PassCost;
  /** Decoding the token behind it. */
  decode: PassCost;
}

/**
 * Computes the costs of a model without running it. A batch reads the weights once a step for all sequences, and
 * prompts one sequence after the other.
 * @param specs its tensors, see `parseConfig` and `packageTensors`
 * @throws BambaError `manifest_invalid` for tensors that are not the architecture's, `adapter_limit`
 */
export function modelCost(architecture: Architecture, specs: readonly TensorSpec[], settings: CostSettings): ModelCost {
  const { scheme, cacheType, context, batch, rates } = settings;
  const entries = planTensors(specs, scheme);
  const run = dryRun(architecture, entries, { tokens: context, cacheType });
  const { chunkTokens, step, prompt, head } = run;
  const one = memoryOf(run);
  const state = batch * one.state;
  const keysAndValues = batch * one.keysAndValues;
  const memory = { ...one, state, keysAndValues, total: one.weights + state + keysAndValues + one.working };
  const passes = Math.ceil(context / chunkTokens);
  const prefilled = prefillWork(architecture, entries, { tokens: context, chunkTokens, cacheType, batch });
  const decoded = decodeWork(architecture, entries, { position: context, cacheType, batch });
  const cost = (work: Work, dispatches: number, tokens: number): PassCost => {
    const seconds = passSeconds(work, dispatches, rates);
    return { work, dispatches, seconds, tokensPerS: tokens / seconds.total, bottleneck: bottleneckOf(seconds) };
  };
  return {
    parameters: parameterCount(entries),
    memory,
    prefill: cost(prefilled, batch * (passes * prompt.length + head.length), batch * context),
    decode: cost(decoded, step.length, batch),
  };
}
