// Which model runs: as a person names one, and as the browser remembers the choice.

import type { EngineOptions, Scheme } from '../engine/protocol.ts';
import { readPreference, writePreference } from './preferences.ts';
import type { ModelPreset } from './presets.ts';

/** A model to load. */
export type ModelChoice = Pick<EngineOptions, 'model' | 'dtype' | 'revision' | 'files'>;

/** Types that a checkpoint's matrices can be stored in, the smallest first. */
export const DTYPES: readonly Scheme[] = ['int4', 'int8', 'fp8', 'f16', 'f32'];

const REPOSITORY = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;
const HUB = /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/([^/]+\/[^/?#]+)(?:\/tree\/([^/?#]+))?\/?(?:[?#].*)?$/;

/** What a person typed: a model, or a sentence that says what is wrong. */
export type ParsedModel = { ok: true; choice: ModelChoice } | { ok: false; sentence: string };

/**
 * Reads the name of a repository, the address of its page on the Hub, or the address of a folder.
 *
 * @example
 * parseModel('https://huggingface.co/ibm-granite/granite-4.0-h-1b'); // { model: 'ibm-granite/granite-4.0-h-1b' }
 */
export function parseModel(text: string): ParsedModel {
  const typed = text.trim();
  const [, repository, revision] = HUB.exec(typed) ?? [];
  if (repository !== undefined) {
    return { ok: true, choice: { model: repository, ...(revision !== undefined && { revision }) } };
  }
  if (REPOSITORY.test(typed) || isAddress(typed)) return { ok: true, choice: { model: typed } };
  return {
    ok: false,
    sentence: 'Give a repository as org/name, or the address of a folder with a model: https://… or /path/.',
  };
}

/** Whether a model is named by an address, which may be relative to the page. */
function isAddress(model: string): boolean {
  if (/^[a-z][a-z\d+.-]*:/i.test(model)) return /^https?:\/\/[^/\s]+/.test(model);
  return /^(?:\/|\.\.?\/)|\/$/.test(model) && !/\s/.test(model);
}

/** The same name for a model on every page of a site: an address in full, anything else as it is. */
export function fullName(model: string): string {
  return isAddress(model) ? new URL(model, document.baseURI).href : model;
}

/** What a model is called before it has said its name itself. */
export function shownName({ model }: ModelChoice, presets: readonly ModelPreset[]): string {
  const preset = presets.find((one) => fullName(one.model) === model);
  const [last = ''] = model.replace(/^device:/, '').match(/[^/]+(?=\/*$)/) ?? [];
  return preset?.name ?? (last === '' ? 'bamba-web' : last);
}

/** What was chosen on an earlier visit; undefined where the page's own model runs. */
export function readChoice(list: string): ModelChoice | undefined {
  const stored = readPreference(storageKey(list));
  if (typeof stored !== 'object' || stored === null || !('model' in stored)) return undefined;
  const { model, dtype, revision } = stored as Record<string, unknown>;
  if (typeof model !== 'string' || model === '') return undefined;
  return {
    model,
    ...(DTYPES.includes(dtype as Scheme) && { dtype: dtype as Scheme }),
    ...(typeof revision === 'string' && { revision }),
  };
}

/** Remembers a choice. Files are not remembered: they are stored under `device:NAME`. */
export function writeChoice(list: string, choice: ModelChoice | undefined): void {
  if (!choice) return writePreference(storageKey(list), undefined);
  const { files, model, ...others } = choice;
  writePreference(storageKey(list), { model: files ? `device:${model}` : model, ...others });
}

function storageKey(list: string): string {
  return `bamba-chat:model${list === '' ? '' : `:${list}`}`;
}
