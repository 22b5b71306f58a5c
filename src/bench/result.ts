import type { Scheme } from '../weights/types.ts';
import type { Architecture } from '../architecture/architecture.ts';
import type { TuningReport } from '../model/tuning.ts';
import type { Ceilings } from './ceilings.ts';
import type { LoadSpeed } from './loading.ts';
import type { BatchSpeed } from './batch.ts';
import type { LookupSpeed } from './lookup.ts';
import type { BenchOptions } from './options.ts';
import type { Profile } from './profile.ts';
import type { DecodeSpeed, PrefillSpeed } from './speed.ts';

/** Decoding, and how near it is to what memory allows. */
export interface DecodeRow extends DecodeSpeed {
  tokensPerS: number;
  /** Bytes of weights and state that a token reads at least. */
  bytes: number;
  /** Seconds that reading them takes at the measured ceiling. */
  floorS: number;
  /** Floor over measured: 1 is as fast as memory allows. */
  floorRatio: number;
}

/** Decoding of several sequences at once, and how near it is to what memory allows. */
export interface BatchRow extends BatchSpeed {
  /** Of all sequences together. */
  tokensPerS: number;
  /** Bytes that a step reads at least: the weights once, and the state of each sequence. */
  stepBytes: number;
  /** Seconds that reading them takes at the measured ceiling. */
  floorS: number;
  /** Floor over measured: 1 is as fast as memory allows. */
  floorRatio: number;
}

/** Reading a prompt, and how near it is to what arithmetic and memory allow. */
export interface PrefillRow extends PrefillSpeed {
  tokensPerS: number;
  flops: number;
  /** Seconds at the measured ceilings of f32 arithmetic and of memory, whichever is longer. */
  floorS: number;
  /** Above 1 where lower precision is faster than f32 can be. */
  floorRatio: number;
}

/** All that was measured of one model. */
export interface ModelResult {
  name: string;
  scheme: Scheme;
  architecture: Architecture;
  gpuBytes: { weights: number; state: number; activations: number };
  /** Seconds from weights on the GPU to a model that answers: memory, pipelines, bindings. */
  prepareS: number;
  /** Dispatches of a decoded token. */
  dispatchesPerToken: number;
  load: LoadSpeed | null;
  prefill: PrefillRow[];
  decode: DecodeRow[];
  /** Where that was asked for. */
  batch: BatchRow[];
  /** Where that was asked for. */
  lookup: LookupSpeed[];
  profiles: Profile[];
  /** Sizes that were tried, where that was asked for. */
  tuning: TuningReport | null;
}

/** A model that could not be measured. */
export interface ModelFailure {
  name: string;
  /** What went wrong, for people. */
  error: string;
  /** What was measured before. */
  partial: Partial<ModelResult>;
}

/** The result of a whole run: what the page hands out as JSON. */
export interface BenchResult {
  format: 'bamba-web-bench';
  version: 1;
  date: string;
  userAgent: string;
  adapter: { vendor: string; architecture: string; device: string; description: string };
  features: string[];
  options: BenchOptions;
  ceilings: Ceilings;
  models: (ModelResult | ModelFailure)[];
}
