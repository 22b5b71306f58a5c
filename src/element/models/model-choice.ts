// The choice of a model: how a person names one, and how the browser remembers it.

import { check, fallback, object, optional, picklist, pipe, string } from 'valibot';
import type { EngineOptions, Scheme } from '../../engine/protocol.ts';
import { readPreference, writePreference } from '../settings/preferences.ts';
import type { ModelPreset } from './presets.ts';

/** A model to load. */
export type ModelChoice = Pick<EngineOptions, 'model' | 'dtype' | 'revision' | 'files'>;

/** Types that a checkpoint's matrices can be stored in, the smallest first. */
export const DTYPES: readonly Scheme[] = ['int4', 'int8', 'fp8', 'f16', 'f32'];

const REPOSITORY = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;
const HUB = /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/([^/]+\/[^/?#]+)(?:\/tree\/([^/?#]+))?\/?(?:[?#].*)?$/;

/** The page of a GGUF file on the Hub, up to what says that it is a page. */
const GGUF_PAGE = /^(https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/[^/]+\/[^/]+)\/blob\/(?=[^?#]+\.gguf(?:[?#]|$))/i;

const HOW_TO_NAME =
  'Give a repository as org/name, or the address of a folder with a model or of a GGUF file: https://… or /path/.';

/** A typed name as a model, or a sentence about the mistake. */
export type ParsedModel = { ok: true; choice: ModelChoice } | { ok: false; sentence: string };

/**
 * Reads the name of a repository, the address of its page on the Hub, or the address of a folder or a GGUF file. An address that no
 * request could be sent to is refused here, before it is tried.
 *
 * @example
 * parseModel('https://huggingface.co/ibm-granite/granite-4.0-h-1b'); // { model: 'ibm-granite/granite-4.0-h-1b' }
 */
export function parseModel(text: string): ParsedModel {
  const typed = text.trim();
  const [, repository, revision] = HUB.exec(typed) ?? [];
  if (repository !== undefined && REPOSITORY.test(repository)) {
    return { ok: true, choice: { model: repository, ...(revision !== undefined && { revision }) } };
  }
  if (REPOSITORY.test(typed)) return { ok: true, choice: { model: typed } };
  if (!isAddress(typed)) return { ok: false, sentence: HOW_TO_NAME };
  const address = parseAddress(typed);
  if (!address) return { ok: false, sentence: `${typed} cannot be opened: check its host and port.` };
  if (address.username !== '' || address.password !== '') {
    return { ok: false, sentence: 'Browsers open no address with a user name or a password in it: leave both out.' };
  }
  return { ok: true, choice: { model: typed.replace(GGUF_PAGE, '$1/resolve/') } };
}

/** Whether a model is named by an address, which may be relative to the page. */
function isAddress(model: string): boolean {
  if (/^[a-z][a-z\d+.-]*:/i.test(model)) return /^https?:\/\/[^/\s]\S*$/.test(model);
  return /^(?:\/|\.\.?\/)|\/$/.test(model) && !/\s/.test(model);
}

/** An address in full; undefined where it is none. */
function parseAddress(model: string): URL | undefined {
  // Outside of a page, as in tests, relative ones have nothing to be taken from.
  const base = typeof document === 'undefined' ? 'http://localhost/' : document.baseURI;
  return URL.canParse(model, base) ? new URL(model, base) : undefined;
}

/** The same name for a model on every page of a site: an address in full, anything else as it is. Never throws. */
export function fullName(model: string): string {
  return isAddress(model) ? (parseAddress(model)?.href ?? model) : model;
}

/** A choice with its model's full name; that of files is a name as it is. */
export function inFull(choice: ModelChoice): ModelChoice {
  return choice.model === '' || choice.files ? choice : { ...choice, model: fullName(choice.model) };
}

/** Whether two choices name one model in one type; a choice without a type is the model's own. */
export function isSameChoice(one: ModelChoice, other: ModelChoice): boolean {
  if (fullName(one.model) !== fullName(other.model)) return false;
  return one.dtype === other.dtype && one.revision === other.revision && one.files === other.files;
}

/** The name of a model before its package or repository says it. */
export function shownName({ model }: ModelChoice, presets: readonly ModelPreset[]): string {
  const preset = presets.find((one) => fullName(one.model) === model);
  const [last = ''] = model.replace(/^device:/, '').match(/[^/]+(?=\/*$)/) ?? [];
  return preset?.name ?? (last === '' ? 'bamba-web' : last);
}

/** A model that can be loaded: what a person may have typed, or the name of a folder on this device. */
const isLoadable = (model: string): boolean => /^device:./.test(model) || parseModel(model).ok;

/** How a choice is kept. Of a record that names a model, a type or a revision that makes no sense is left out. */
const STORED_CHOICE = object({
  model: pipe(string(), check(isLoadable)),
  dtype: fallback(optional(picklist(DTYPES)), undefined),
  revision: fallback(optional(string()), undefined),
});

/** The model that was chosen on an earlier visit, and had loaded; undefined where the page's own model runs. */
export function readChoice(list: string): ModelChoice | undefined {
  const stored = readPreference(storageKey(list), STORED_CHOICE);
  if (!stored) return undefined;
  const { model, dtype, revision } = stored;
  return { model, ...(dtype && { dtype }), ...(revision !== undefined && { revision }) };
}

/** Remembers a choice. Files are not remembered: they are stored under `device:NAME`. */
export function writeChoice(list: string, choice: ModelChoice | undefined): void {
  if (!choice) return writePreference(storageKey(list), undefined);
  const { files, model, dtype, revision } = choice;
  writePreference(storageKey(list), { model: files ? `device:${model}` : model, dtype, revision });
}

function storageKey(list: string): string {
  return `bamba-chat:model${list === '' ? '' : `:${list}`}`;
}
