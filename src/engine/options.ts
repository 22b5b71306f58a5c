import { BambaError } from '../errors.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import type { Digits } from '../kernels/projections/quantize_rows.ts';
import type { StateType } from '../model/state-converter.ts';
import type { EngineOptions } from './protocol.ts';

/** The settings that a precision stands for: see `EngineOptions`. */
interface PrecisionFacts {
  /** Whether prompts may be read with activations that are rounded. */
  rounds: boolean;
  /**
   * Digits of int8 that inputs are rounded to where several answers decode in one step; 0 for f32. With one, greedy tokens of
   * more than half of the small random models part from those of lone answers; with two, of none.
   */
  batchDigits: 0 | Digits;
  /** The same where one step verifies drafts of an answer: logits differ by a 2,000th of the largest at most, in f32 a 5,000th. */
  draftDigits: 0 | Digits;
  /** The type of keys and values where no option names one. */
  kvCacheType: CacheType;
  /** The type of earlier prompts' states where no option names one. */
  stateCacheType: StateType;
}

/** By name: the default first. */
export const PRECISIONS = {
  balanced: { rounds: true, batchDigits: 2, draftDigits: 2, kvCacheType: 'f16', stateCacheType: 'f32' },
  exact: { rounds: false, batchDigits: 0, draftDigits: 0, kvCacheType: 'f32', stateCacheType: 'f32' },
  fast: { rounds: true, batchDigits: 1, draftDigits: 2, kvCacheType: 'int8', stateCacheType: 'f16' },
} as const satisfies Record<string, PrecisionFacts>;

/** Where drafts of an answer come from: the default first. */
export const SPECULATIONS = ['lookup', 'off'] as const;

/** How exact an engine computes. */
export type Precision = keyof typeof PRECISIONS;

/** Their names, the default first. */
export const PRECISION_NAMES = Object.keys(PRECISIONS) as Precision[];

const OPTIONS: readonly string[] = [
  'model',
  'revision',
  'dtype',
  'token',
  'endpoint',
  'files',
  'worker',
  'contextLength',
  'ropeScaling',
  'precision',
  'stateCacheBytes',
  'storedStateBytes',
  'kvCacheType',
  'stateCacheType',
  'batch',
  'speculation',
  'shareAcrossTabs',
  'onProgress',
  'signal',
] satisfies (keyof EngineOptions)[];

/**
 * Checks what is asked for before anything is started.
 * @throws BambaError `setting_invalid` for options that are not known, and without a model
 */
export function checkOptions(options: EngineOptions): void {
  const { model } = options ?? {};
  if (typeof model !== 'string' || model.trim() === '') {
    throw new BambaError('setting_invalid', 'model takes a repository, org/name, or the address of a folder.');
  }
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw new BambaError(
      'setting_invalid',
      `createEngine takes no option ${JSON.stringify(unknown)}. It takes: ${OPTIONS.join(', ')}.`,
    );
  }
}

/**
 * An address in full.
 * @param base what relative ones are taken from
 * @throws BambaError `setting_invalid` where it is none
 */
export function fullAddress(address: string | URL, base: string): URL {
  try {
    return new URL(address, base);
  } catch (cause) {
    throw new BambaError(
      'setting_invalid',
      `${String(address)} is no address. Give https://…, or a path from this page: /path/, ./path.`,
      { cause },
    );
  }
}
