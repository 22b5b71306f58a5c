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

/** Of ids that end an answer; as many as the sampler compares with. */
const MAX_STOP_IDS = 16;

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
 * @param config the parsed file; undefined where the model has none
 * @throws BambaError `config_invalid` naming the field that is wrong
 */
export function readGenerationConfig(config: unknown): GenerationDefaults {
  if (config === undefined || config === null) return { sampling: { ...NEUTRAL }, stopIds: [] };
  if (typeof config !== 'object' || Array.isArray(config)) {
    throw new BambaError('config_invalid', 'generation_config.json must hold an object. Download it again.');
  }
  const fields = config as Readonly<Record<string, unknown>>;
  const samples = fields['do_sample'] ?? false;
  if (typeof samples !== 'boolean') throw wrong('do_sample', samples, 'true or false');
  const read = (field: string, name: keyof SamplingDefaults, fallback: number): number => {
    const value = fields[field] ?? fallback;
    if (!within(value, RANGES[name])) throw wrong(field, value, describe(RANGES[name]));
    return value;
  };
  return {
    sampling: {
      ...NEUTRAL,
      temperature: samples ? read('temperature', 'temperature', 1) : 0,
      // Also without do_sample: they are what the model wants once a temperature is asked for.
      topK: read('top_k', 'topK', samples ? 50 : 0),
      topP: read('top_p', 'topP', 1),
      minP: read('min_p', 'minP', 0),
      repetitionPenalty: read('repetition_penalty', 'repetitionPenalty', 1),
    },
    stopIds: readStopIds(fields['eos_token_id'], 'generation_config.json'),
  };
}

/**
 * Reads an `eos_token_id`: one id, a list, or nothing.
 * @param file where it stands, for the error
 * @throws BambaError `config_invalid`
 */
export function readStopIds(value: unknown, file: string): number[] {
  if (value === undefined || value === null) return [];
  const ids: unknown[] = [...new Set<unknown>(Array.isArray(value) ? value : [value])];
  if (ids.length > MAX_STOP_IDS) throw wrong('eos_token_id', value, `at most ${MAX_STOP_IDS} ids`, file);
  for (const id of ids) {
    if (!within(id, { min: 0, max: 2 ** 31, integer: true })) {
      throw wrong('eos_token_id', value, 'a token id or a list of them', file);
    }
  }
  return ids as number[];
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

function wrong(field: string, value: unknown, takes: string, file = 'generation_config.json'): BambaError {
  return new BambaError('config_invalid', `In ${file} ${field} is ${show(value)}. It takes ${takes}.`);
}
