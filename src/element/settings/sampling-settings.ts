// The settings a person can change: which there are, what each accepts, and how they are kept between visits.
// Only what differs from the model's own defaults is stored, so that another model brings its own.

import * as v from 'valibot';
import type { EngineInfo, GenerationRequest } from '../../engine/protocol.ts';
import { inRange, type NumberRange, SAMPLING, type SamplingName } from '../../sampling.ts';
import { formatNumber } from '../format.ts';
import { readPreference, writePreference } from './preferences.ts';

/** Names of the settings, as `GenerationRequest` has them. */
export type SettingName = SamplingName | 'maxTokens';

/** The person's settings; a missing one means the model's default. */
export type SettingOverrides = Partial<Pick<GenerationRequest, SettingName>>;

/** One setting: how it is labelled, what it accepts, what it does. */
export interface SettingField extends NumberRange {
  name: SettingName;
  label: string;
  /** One sentence that says what the setting does. */
  hint: string;
  /** The useful part of the range and its step, where a slider helps. */
  slider?: { min: number; max: number; step: number };
  /** The value of an empty field where the model has no default. */
  emptyMeans?: string;
  /** Has no effect while the likeliest token is always taken. */
  onlyWhenSampling?: boolean;
}

/** All settings, in the order in which they are shown. */
export const SETTING_FIELDS: readonly SettingField[] = [
  {
    name: 'temperature',
    ...SAMPLING.temperature,
    label: 'Temperature',
    hint: 'Higher values make answers more varied; 0 always takes the likeliest token.',
    slider: { min: 0, max: 2, step: 0.05 },
  },
  {
    name: 'topP',
    ...SAMPLING.topP,
    label: 'Top-p',
    hint: 'Keeps the likeliest tokens whose probabilities add up to this.',
    slider: { min: 0.01, max: 1, step: 0.01 },
    onlyWhenSampling: true,
  },
  {
    name: 'minP',
    ...SAMPLING.minP,
    label: 'Min-p',
    hint: 'Keeps tokens at least this fraction as likely as the likeliest.',
    slider: { min: 0, max: 1, step: 0.01 },
    onlyWhenSampling: true,
  },
  {
    name: 'topK',
    ...SAMPLING.topK,
    label: 'Top-k',
    hint: 'Keeps this many of the likeliest tokens; 0 keeps all.',
    onlyWhenSampling: true,
  },
  {
    name: 'repetitionPenalty',
    ...SAMPLING.repetitionPenalty,
    label: 'Repetition penalty',
    hint: 'Above 1 discourages tokens of the question and the answer so far; 1 is neutral.',
    slider: { min: 0.5, max: 2, step: 0.05 },
  },
  {
    name: 'presencePenalty',
    ...SAMPLING.presencePenalty,
    label: 'Presence penalty',
    hint: 'Discourages any token that the answer has already used; 0 is neutral.',
    slider: { min: -2, max: 2, step: 0.1 },
  },
  {
    name: 'frequencyPenalty',
    ...SAMPLING.frequencyPenalty,
    label: 'Frequency penalty',
    hint: 'Discourages a token each time that the answer has used it; 0 is neutral.',
    slider: { min: -2, max: 2, step: 0.1 },
  },
  {
    name: 'seed',
    ...SAMPLING.seed,
    label: 'Seed',
    hint: 'The same seed and question give the same answer on the same device.',
    emptyMeans: 'random',
    onlyWhenSampling: true,
  },
  {
    name: 'maxTokens',
    label: 'Longest answer',
    hint: 'An answer ends after this many tokens, or where the context is full.',
    integer: true,
    min: 1,
    max: 1_000_000,
    emptyMeans: 'no limit',
  },
];

/** The meaning of a field's text: a value, the model's default (`undefined`), or a sentence about the mistake. */
export type ParsedSetting = { ok: true; value: number | undefined } | { ok: false; sentence: string };

/** Thousands as we write them, or as they are typed: a space between groups of three. */
const GROUPS = /(?<=^[+-]?\d{1,3}(?:\s\d{3})*)\s(?=\d{3}(?:\s|$))/g;

/**
 * Reads what a person typed. A comma counts as a decimal point, since many keyboards offer only that.
 *
 * @example
 * parseSetting(field, '0,7'); // { ok: true, value: 0.7 }
 */
export function parseSetting(field: SettingField, text: string): ParsedSetting {
  const trimmed = text.trim().replace(GROUPS, '');
  if (trimmed === '') return { ok: true, value: undefined };
  const looksNumeric = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/.test(trimmed);
  const value = looksNumeric ? Number(trimmed.replace(',', '.')) : Number.NaN;
  return inRange(value, field) ? { ok: true, value } : { ok: false, sentence: rangeSentence(field) };
}

/**
 * The range of a field, as it is shown beside it.
 *
 * @example
 * rangeText(topP); // 'above 0, up to 1'
 */
export function rangeText({ min, max, minExcluded }: SettingField): string {
  return `${minExcluded ? `above ${formatNumber(min)}, up` : formatNumber(min)} to ${formatNumber(max)}`;
}

function rangeSentence(field: SettingField): string {
  const kind = field.integer ? 'a whole number' : 'a number';
  return `${field.label} takes ${kind}, ${rangeText(field)}; leave it empty for the default.`;
}

/** The text that a field shows for a value; empty for the default. */
export function settingText(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}

/** The value of an empty field: the model's default, if it has one. */
export function defaultText(field: SettingField, sampling: EngineInfo['sampling'] | undefined): string {
  if (field.emptyMeans !== undefined) return field.emptyMeans;
  const value = sampling?.[field.name as keyof EngineInfo['sampling']];
  return value === undefined ? 'default' : String(value);
}

/** Whether answers are drawn at random, given what is set and what the model defaults to. */
export function isSampling(overrides: SettingOverrides, sampling: EngineInfo['sampling'] | undefined): boolean {
  return (overrides.temperature ?? sampling?.temperature ?? 1) > 0;
}

/** Settings kept for a model by an earlier visit; anything that is no longer valid is left out. */
export function readSettings(model: string): SettingOverrides {
  return v.parse(samplingSchema, readPreference(storageKey(model)));
}

/** Keeps settings for a model. */
export function writeSettings(model: string, overrides: SettingOverrides): void {
  writePreference(storageKey(model), Object.keys(overrides).length === 0 ? undefined : overrides);
}

/** The system prompt kept for a model; undefined where nobody has written one. */
export function readSystem(model: string): string | undefined {
  return v.parse(systemSchema, readPreference(systemKey(model)));
}

/** Keeps a system prompt for a model. */
export function writeSystem(model: string, system: string): void {
  writePreference(systemKey(model), system);
}

/** Each setting that is not valid any longer is left out, and the others stay. */
const settingsSchema = v.fallback(
  v.object(
    Object.fromEntries(
      SETTING_FIELDS.map((field) => [
        field.name,
        v.fallback(
          v.optional(
            v.pipe(
              v.number(),
              v.check((value) => inRange(value, field)),
            ),
          ),
          undefined,
        ),
      ]),
    ),
  ),
  {},
);

/** Settings as they are kept, whoever has written them. */
export const samplingSchema = v.pipe(
  settingsSchema,
  v.transform((stored): SettingOverrides =>
    Object.fromEntries(Object.entries(stored).filter(([, value]) => value !== undefined)),
  ),
);

const systemSchema = v.fallback(v.optional(v.string()), undefined);

function storageKey(model: string): string {
  return `bamba-chat:settings:${model}`;
}

function systemKey(model: string): string {
  return `bamba-chat:system:${model}`;
}
