import type { CacheType } from '../../kernels/attention/kv-cache.ts';
import { decodeWork } from '../../model/cost/work.ts';
import { dryRun } from '../../model/cost/dry-run.ts';
import { passSeconds, type Rates } from '../../model/cost/seconds.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import { packageTensors } from '../../architecture/config.ts';
import { planTensors } from '../../weights/package-writer.ts';
import type { Scheme } from '../../weights/types.ts';
import type { Ceilings } from '../ceilings.ts';
import { SHAPES, type ShapeName } from '../shapes.ts';

// What the benchmark measured on two GPUs. Those of the first run are figures of docs/PERFORMANCE.md: a test holds them to it.

/** A speed that was measured. */
export interface MeasuredSpeed {
  shape: ShapeName;
  scheme: Scheme;
  /** Tokens in the context of a decoded token, or of a prompt. */
  tokens: number;
  tokensPerS: number;
}

/** The ceilings that a prediction takes, see `measureCeilings`. */
type PlanCeilings = Pick<Ceilings, 'readBytesPerS' | 'f32FlopsPerS' | 'dispatchS'>;

/** A run of the benchmark. */
export interface MeasuredRun {
  gpu: string;
  browser: string;
  day: string;
  /** Of the same run, but for arithmetic on the second GPU: its processors are those of the first, which it was taken from. */
  ceilings: PlanCeilings;
  /** What keys and values were stored as. */
  cacheType: CacheType;
  /** Answers of one sequence, at the length that the context has. */
  decode: readonly MeasuredSpeed[];
  /** Prompts, with products in f32. */
  prefill: readonly MeasuredSpeed[];
}

const speed = (shape: ShapeName, scheme: Scheme, speeds: Readonly<Record<number, number>>): MeasuredSpeed[] =>
  Object.entries(speeds).map(([tokens, tokensPerS]) => ({ shape, scheme, tokens: Number(tokens), tokensPerS }));

const H100: MeasuredRun = {
  gpu: 'NVIDIA H100',
  browser: 'headless Chromium 156 on Linux',
  day: '2026-11-26',
  ceilings: { readBytesPerS: 3e12, f32FlopsPerS: 45.6e12, dispatchS: 2.1e-6 },
  cacheType: 'f32',
  decode: [
    ...speed('bamba-9b', 'int8', { 16: 230, 1024: 227, 16_384: 212 }),
    ...speed('bamba-9b', 'int4', { 16: 309, 1024: 305, 16_384: 278 }),
    ...speed('lexicon', 'int8', { 16: 2936, 1024: 2870, 16_384: 2336 }),
  ],
  prefill: [
    ...speed('bamba-9b', 'int8', { 512: 1948, 1024: 1967 }),
    ...speed('bamba-9b', 'int4', { 512: 1832, 1024: 1840 }),
    ...speed('lexicon', 'int8', { 512: 76_418, 1024: 81_270 }),
  ],
};

const H200: MeasuredRun = {
  gpu: 'NVIDIA H200',
  browser: 'headless Chromium 156 on Linux',
  day: '2026-11-29',
  ceilings: { readBytesPerS: 3.93e12, f32FlopsPerS: 45.6e12, dispatchS: 1.8e-6 },
  cacheType: 'f32',
  decode: [
    ...speed('bamba-9b', 'int8', { 16: 257, 1024: 254, 16_384: 237 }),
    ...speed('bamba-9b', 'int4', { 16: 357, 1024: 352, 16_384: 319 }),
    ...speed('llama-3.1-8b', 'int8', { 16: 280, 1024: 246, 16_384: 140 }),
    ...speed('bamba-1b', 'int8', { 1024: 739, 16_384: 683 }),
    ...speed('granite-h-1b', 'int8', { 1024: 604, 16_384: 537 }),
    ...speed('granite-h-350m', 'int8', { 1024: 901, 16_384: 886 }),
    ...speed('granite-h-tiny', 'int8', { 1024: 422, 16_384: 380 }),
    ...speed('lexicon', 'int8', { 1024: 2399, 16_384: 2117 }),
  ],
  prefill: speed('bamba-9b', 'int8', { 1024: 1959 }),
};

/** All runs; the rates of the first are the defaults. */
export const MEASURED_RUNS = [H100, H200] as const;

/** A decoded token that the time of starting a kernel is found from. */
export interface StepMeasurement {
  architecture: Architecture;
  scheme: Scheme;
  cacheType: CacheType;
  /** Tokens in the context. */
  tokens: number;
  /** Seconds of the token. */
  seconds: number;
}

/**
 * Rates of an adapter with these ceilings. Besides reading and arithmetic, a kernel takes more time than an empty
 * dispatch. It waits for the one before, asks for its first bytes, and adds up over its workgroups. A token of a very
 * small model tells this time, as starting kernels is nearly all that it does. Without such, the ceiling of a dispatch
 * does.
 */
export function ratesOf(ceilings: PlanCeilings, step?: StepMeasurement): Rates {
  const { readBytesPerS, f32FlopsPerS: flopsPerS, dispatchS } = ceilings;
  const startS = step ? startOf(ceilings, step) : 0;
  return { readBytesPerS, flopsPerS, startS: startS > 0 ? startS : dispatchS * startFactor() };
}

/** Seconds that remain for each kernel of a token. */
function startOf({ readBytesPerS, f32FlopsPerS: flopsPerS }: PlanCeilings, step: StepMeasurement): number {
  const { architecture, scheme, cacheType, tokens, seconds } = step;
  const entries = planTensors(packageTensors(architecture), scheme);
  const work = decodeWork(architecture, entries, { position: tokens, cacheType });
  const dispatches = dryRun(architecture, entries, { tokens, cacheType }).step.length;
  const { total } = passSeconds(work, 0, { readBytesPerS, flopsPerS, startS: 0 });
  return (seconds - total) / dispatches;
}

/** What a result of the benchmark has of a model, as far as it matters here. */
export interface MeasuredModel {
  architecture: Architecture;
  scheme: Scheme;
  gpuBytes: { weights: number };
  decode: readonly { context: number; secondsPerToken: number }[];
}

/** The first decoded token of the smallest of these models that has one; undefined where none has. */
export function smallestStep(models: readonly MeasuredModel[], cacheType: CacheType): StepMeasurement | undefined {
  const [smallest] = models
    .filter(({ decode }) => decode.length > 0)
    .toSorted((one, other) => one.gpuBytes.weights - other.gpuBytes.weights);
  if (!smallest) return undefined;
  const { architecture, scheme, decode } = smallest;
  const { context: tokens, secondsPerToken: seconds } = decode[0]!;
  return { architecture, scheme, cacheType, tokens, seconds };
}

/** The speed of a run that the start of kernels is found from: Lexicon's at the least tokens. */
export function calibrationOf({ decode }: MeasuredRun): MeasuredSpeed {
  return decode.find(({ shape }) => shape === 'lexicon')!;
}

/** Rates of the GPU of a run. */
export function ratesOfRun(run: MeasuredRun): Rates {
  const { shape, scheme, tokens, tokensPerS } = calibrationOf(run);
  const architecture: Architecture = SHAPES[shape];
  return ratesOf(run.ceilings, { architecture, scheme, cacheType: run.cacheType, tokens, seconds: 1 / tokensPerS });
}

let factor: number | undefined;

/** How many times as long as an empty dispatch starting a kernel took, on the mean of all runs. */
export function startFactor(): number {
  const ratios = () => MEASURED_RUNS.map((run) => ratesOfRun(run).startS / run.ceilings.dispatchS);
  return (factor ??= ratios().reduce((sum, ratio) => sum + ratio / MEASURED_RUNS.length, 0));
}

/** The run on a GPU of these rates, to three digits; undefined where there was none. */
export function runWith(rates: Rates): MeasuredRun | undefined {
  const alike = (one: number, other: number) => one.toPrecision(3) === other.toPrecision(3);
  return MEASURED_RUNS.find((run) => {
    const { readBytesPerS, flopsPerS, startS } = ratesOfRun(run);
    return (
      alike(readBytesPerS, rates.readBytesPerS) && alike(flopsPerS, rates.flopsPerS) && alike(startS, rates.startS)
    );
  });
}
