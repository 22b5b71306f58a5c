// What a caller may ask of the sampler, checked, and what the model's generation_config.json says where he does not.

import { BambaError } from '../errors.ts';

/** The settings that are plain numbers and that a model may have defaults for. */
export interface SamplingDefaults {
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  repetitionPenalty: number;
  presencePenalty: number;
  frequencyPenalty: number;
}

/** Settings of one answer, complete: as `packSampling` of the kernels takes them. */
export interface ResolvedSampling extends SamplingDefaults {
  /** Token id to what is added to its logit; neutral entries are left out. */
  logitBias: ReadonlyMap<number, number>;
  seed: number;
}

/** What generation_config.json says. */
export interface GenerationDefaults {
  sampling: SamplingDefaults;
  /** Ids that end an answer, from `eos_token_id`; empty where the file has none. */
  stopIds: readonly number[];
  /** A sentence for each default that cannot be used, with what counts in its place. */
  warnings: readonly string[];
}

interface Range {
  min: number;
  max: number;
  minExcluded?: true;
  integer?: true;
}

const RANGES = {
  temperature: { min: 0, max: 100 },
  topK: { min: 0, max: 1_000_000, integer: true },
  topP: { min: 0, max: 1, minExcluded: true },
  minP: { min: 0, max: 1 },
  repetitionPenalty: { min: 0, max: 100, minExcluded: true },
  presencePenalty: { min: -2, max: 2 },
  frequencyPenalty: { min: -2, max: 2 },
  seed: { min: 0, max: 2 ** 32 - 1, integer: true },
} as const satisfies Record<keyof SamplingDefaults | 'seed', Range>;

const NAMES = Object.keys(RANGES) as (keyof typeof RANGES)[];
const BIAS_RANGE: Range = { min: -100, max: 100 };

const NEUTRAL: SamplingDefaults = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
};

/**
 * Checks settings and completes them from the model's defaults. A missing seed is drawn at random.
 *
 * ```ts
 * resolveSampling({ temperature: 0.7, seed: 1 }, defaults.sampling, 32_000);
 * ```
 *
 * @param settings the fields of `SamplingSettings`, unchecked; a field that is undefined counts as absent
 * @param vocabulary tokens of the model, to check the ids of `logitBias`
 * @throws BambaError `setting_invalid` naming the field, its value and what it takes
 */
export function resolveSampling(settings: object, defaults: SamplingDefaults, vocabulary: number): ResolvedSampling {
  const fields = settings as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).find((name) => name !== 'logitBias' && !Object.hasOwn(RANGES, name));
  if (unknown !== undefined) {
    throw invalid(`There is no sampling setting ${show(unknown)}. There are: ${[...NAMES, 'logitBias'].join(', ')}.`);
  }
  const resolved = { ...defaults, seed: 0 };
  for (const name of NAMES) {
    const value = fields[name];
    if (value === undefined) continue;
    if (!within(value, RANGES[name])) throw invalid(`${name} is ${show(value)}. It takes ${describe(RANGES[name])}.`);
    resolved[name] = value;
  }
  if (fields['seed'] === undefined) resolved.seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  return { ...resolved, logitBias: readLogitBias(fields['logitBias'], vocabulary) };
}

/**
 * Reads generation_config.json. Where it leaves something out, answers are greedy and all else is neutral; with
 * `do_sample` the defaults are those that transformers has for it: temperature 1 and the 50 likeliest tokens.
 *
 * Defaults are a help, not a part of the model: one that cannot be used is neutral, and `warnings` says so.
 *
 * @param config the parsed file; undefined where the model has none
 */
export function readGenerationConfig(config: unknown): GenerationDefaults {
  if (config === undefined || config === null) return { sampling: { ...NEUTRAL }, stopIds: [], warnings: [] };
  if (typeof config !== 'object' || Array.isArray(config)) {
    return { sampling: { ...NEUTRAL }, stopIds: [], warnings: [`${FILE} holds no object; answers are greedy.`] };
  }
  const fields = config as Readonly<Record<string, unknown>>;
  const warnings: string[] = [];
  const read = (field: string, name: keyof SamplingDefaults, fallback: number, neutral = NEUTRAL[name]): number => {
    const value = fields[field] ?? fallback;
    if (within(value, RANGES[name])) return value;
    warnings.push(unusable(field, show(value), `takes ${describe(RANGES[name])}; ${neutral} counts in its place`));
    return neutral;
  };
  const samples = readSamples(fields['do_sample'], warnings);
  const sampling = {
    ...NEUTRAL,
    temperature: samples ? read('temperature', 'temperature', 1, 1) : 0,
    // Also without do_sample: they are what the model wants once a temperature is asked for.
    topK: read('top_k', 'topK', samples ? 50 : 0),
    topP: read('top_p', 'topP', 1),
    minP: read('min_p', 'minP', 0),
    repetitionPenalty: read('repetition_penalty', 'repetitionPenalty', 1),
  };
  const stops = readStopIds(fields['eos_token_id'], FILE);
  return { sampling, stopIds: stops.ids, warnings: [...warnings, ...stops.warnings] };
}

const FILE = 'generation_config.json';

/** Python's programs take 1 and 0 for its booleans. */
function readSamples(value: unknown, warnings: string[]): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  if (value === 0 || value === 1) return value === 1;
  warnings.push(unusable('do_sample', show(value), 'takes true or false; answers are greedy'));
  return false;
}

/**
 * Reads an `eos_token_id`: one id, a list, or nothing. What is no token id ends no answer, and is left out.
 * @param file where it stands, for the warnings
 */
export function readStopIds(value: unknown, file: string): { ids: number[]; warnings: string[] } {
  if (value === undefined || value === null) return { ids: [], warnings: [] };
  const all = [...new Set<unknown>(Array.isArray(value) ? value : [value])];
  const ids = all.filter((id): id is number => within(id, { min: 0, max: 2 ** 31, integer: true }));
  const wrong = all.filter((id) => !ids.includes(id as number)).map(show);
  if (wrong.length === 0) return { ids, warnings: [] };
  const shown = wrong.length > 4 ? `${wrong.slice(0, 4).join(', ')} and more` : wrong.join(', ');
  return { ids, warnings: [unusable('eos_token_id', shown, 'takes token ids; what is none is left out', file)] };
}

function readLogitBias(value: unknown, vocabulary: number): Map<number, number> {
  const bias = new Map<number, number>();
  if (value === undefined) return bias;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map) {
    throw invalid(`logitBias is ${show(value)}. It takes an object of token ids and numbers, such as { 42: -100 }.`);
  }
  for (const [key, amount] of Object.entries(value)) {
    const id = /^(0|[1-9]\d{0,9})$/.test(key) ? Number(key) : NaN;
    if (!(id < vocabulary)) {
      throw invalid(
        `logitBias has the token id ${show(key)}. It takes whole numbers from 0 to ${vocabulary - 1}, the ids of this model.`,
      );
    }
    if (!within(amount, BIAS_RANGE)) {
      throw invalid(`logitBias of token ${id} is ${show(amount)}. It takes ${describe(BIAS_RANGE)}.`);
    }
    if (amount !== 0) bias.set(id, amount);
  }
  return bias;
}

function within(value: unknown, range: Range): value is number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (range.integer && !Number.isInteger(value)) return false;
  return (range.minExcluded ? value > range.min : value >= range.min) && value <= range.max;
}

function describe({ min, max, minExcluded, integer }: Range): string {
  const kind = integer ? 'a whole number' : 'a number';
  return minExcluded ? `${kind} above ${min} and at most ${max}` : `${kind} from ${min} to ${max}`;
}

/** A value as it may stand in a sentence: short, and telling '1' from 1. */
function show(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'bigint') return `the bigint ${value}`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function invalid(sentence: string): BambaError {
  return new BambaError('setting_invalid', sentence);
}

function unusable(field: string, shown: string, instead: string, file = FILE): string {
  return `In ${file} ${field} is ${shown}, but ${instead}.`;
}
