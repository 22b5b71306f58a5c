// What the page does about an error: the sentence it shows, and the one button it offers beside it.

import type { BambaError, ErrorCode } from '../errors.ts';

/** An error as the page shows it. */
export interface Fault {
  /** `internal` when something threw that is not a `BambaError`. */
  code: ErrorCode | undefined;
  sentence: string;
}

/** What a person can do about a failed question. */
export type Remedy = 'ask-again' | 'reload-and-ask' | 'open-settings' | 'new-chat' | 'none';

/** Turns whatever was thrown into a sentence for a person. */
export function asFault(error: unknown): Fault {
  if (isBambaError(error) && error.code !== 'internal') return { code: error.code, sentence: error.message };
  const detail = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    sentence: `Something went wrong that should not have: ${detail || 'no reason was given'}`,
  };
}

/** By name and shape: an engine handed in from outside may come with its own copy of the class. */
function isBambaError(error: unknown): error is BambaError {
  return error instanceof Error && error.name === 'BambaError' && 'code' in error && typeof error.code === 'string';
}

/** The remedy that fits an error of `Engine.generate`. */
export function remedyFor(fault: Fault): Remedy {
  switch (fault.code) {
    case 'device_lost':
    case 'out_of_memory':
    case 'gpu_failure':
    case 'disposed':
    case 'worker_failed':
      return 'reload-and-ask';
    case 'setting_invalid':
      return 'open-settings';
    case 'prompt_too_long':
      return 'new-chat';
    case 'prompt_empty':
    case 'template_failed':
      return 'none';
    default:
      return 'ask-again';
  }
}

/**
 * Whether loading again can end differently: the network may be back, space may be free, the files may be mended.
 * The size of this GPU and the kind of the model stay what they are.
 */
export function canLoadAgain(fault: Fault): boolean {
  return fault.code !== 'adapter_limit' && fault.code !== 'unsupported_model' && fault.code !== 'manifest_version';
}

const FOR_MODELS: ReadonlySet<ErrorCode | undefined> = new Set([
  'storage_full',
  'adapter_limit',
  'out_of_memory',
  'unsupported_model',
  'access_denied',
]);

/** Whether the list of models helps: to delete one that is kept, or to choose a smaller or another one. */
export function isForModels(fault: Fault): boolean {
  return FOR_MODELS.has(fault.code);
}
