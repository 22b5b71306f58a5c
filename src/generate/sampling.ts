// Checks a caller's settings, and completes them from the model's generation_config.json.

import { BambaError } from '../errors.ts';
import {
  BIAS_RANGE,
  GREEDY,
  inRange,
  type NumberRange,
  SAMPLING,
  SAMPLING_NAMES,
  type SamplingDefaults,
  type SamplingName,
  type SamplingValues,
} from '../sampling.ts';

/** The content of generation_config.json. */
export interface GenerationDefaults {
  sampling: SamplingDefaults;
  /** Ids that end an answer, from `eos_token_id`; empty where the file has none. */
  stopIds: readonly number[];
  /** A sentence for each default that cannot be used, with what counts in its place. */
  warnings: readonly string[];
}

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
export function resolveSampling(settings: object, defaults: SamplingDefaults, vocabulary: number): SamplingValues {
  const fields = settings as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).find((name) => name !== 'logitBias' && !Object.hasOwn(SAMPLING, name));
  if (unknown !== undefined) {
    throw invalid(
      `There is no sampling setting ${show(unknown)}. There are: ${[...SAMPLING_NAMES, 'logitBias'].join(', ')}.`,
    );
  }
  const resolved = { ...defaults, seed: 0 };
  for (const name of SAMPLING_NAMES) {
    const value = fields[name];
    if (value === undefined) continue;
    if (!inRange(value, SAMPLING[name])) {
      throw invalid(`${name} is ${show(value)}. It takes ${describe(SAMPLING[name])}.`);
    }
    resolved[name] = value;
  }
  if (fields['seed'] === undefined) resolved.seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  return { ...resolved, logitBias: readLogitBias(fields['logitBias'], vocabulary) };
}

/**
 * Reads generation_config.json. Where fields are missing, answers are greedy and all else is neutral. With `do_sample` the
 * defaults are those of transformers: temperature 1 and the 50 likeliest tokens.
 *
 * Defaults are a help, not a part of the model: one that cannot be used is neutral, and `warnings` says so.
 *
 * @param config the parsed file; undefined where the model has none
 */
export function readGenerationConfig(config: unknown): GenerationDefaults {
  const { seed: _seed, logitBias: _logitBias, ...sampling } = GREEDY;
  if (config === undefined || config === null) return { sampling, stopIds: [], warnings: [] };
  if (typeof config !== 'object' || Array.isArray(config)) {
    return { sampling, stopIds: [], warnings: [`${FILE} holds no object; answers are greedy.`] };
  }
  const fields = config as Readonly<Record<string, unknown>>;
  const warnings: string[] = [];
  const samples = readSamples(fields['do_sample'], warnings);
  // Also without do_sample: they are what the model wants once a temperature is asked for.
  for (const name of OF_MODELS) {
    if (name === 'temperature' && !samples) continue;
    const { snake } = SAMPLING[name];
    const sampled = samples ? SAMPLED[name] : undefined;
    const value = fields[snake] ?? sampled?.absent ?? sampling[name];
    if (inRange(value, SAMPLING[name])) sampling[name] = value;
    else {
      sampling[name] = sampled?.unusable ?? sampling[name];
      const takes = `takes ${describe(SAMPLING[name])}; ${sampling[name]} counts in its place`;
      warnings.push(unusable(snake, show(value), takes));
    }
  }
  const stops = readStopIds(fields['eos_token_id'], FILE);
  return { sampling, stopIds: stops.ids, warnings: [...warnings, ...stops.warnings] };
}

/** The fields that the file may have, in the order of the table. */
const OF_MODELS = SAMPLING_NAMES.filter((name): name is keyof SamplingDefaults => SAMPLING[name].inTransformers);

/** With `do_sample`: what counts where a field is absent, and where it cannot be used, if that is not neutral. */
const SAMPLED: Partial<Record<SamplingName, { absent: number; unusable: number }>> = {
  temperature: { absent: 1, unusable: 1 },
  topK: { absent: 50, unusable: 0 },
};

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
 * Reads an `eos_token_id`: one id, a list, or nothing. A value that is no token id is left out.
 * @param file where it stands, for the warnings
 */
export function readStopIds(value: unknown, file: string): { ids: number[]; warnings: string[] } {
  if (value === undefined || value === null) return { ids: [], warnings: [] };
  const all = [...new Set<unknown>(Array.isArray(value) ? value : [value])];
  const ids = all.filter((id): id is number => inRange(id, { min: 0, max: 2 ** 31, integer: true }));
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
    if (!inRange(amount, BIAS_RANGE)) {
      throw invalid(`logitBias of token ${id} is ${show(amount)}. It takes ${describe(BIAS_RANGE)}.`);
    }
    if (amount !== 0) bias.set(id, amount);
  }
  return bias;
}

function describe({ min, max, minExcluded, integer }: NumberRange): string {
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
