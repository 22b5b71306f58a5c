// The page's response to an error: a sentence, and one button beside it.

import { asBambaError, type BambaError, type ErrorCode, isFatal } from '../errors.ts';

/** The remedy for a failed question. */
export type Remedy = 'ask-again' | 'reload-and-ask' | 'open-settings' | 'new-chat' | 'none';

/** An error as a sentence for a person. An unexpected error gets an introduction. */
export function sentenceOf(error: unknown): string {
  const { code, message } = asBambaError(error);
  return code === 'internal' ? `An unexpected error: ${message}` : message;
}

/** The remedy that fits an error of `Engine.generate`. */
export function remedyFor(fault: BambaError): Remedy {
  if (isFatal(fault.code)) return 'reload-and-ask';
  switch (fault.code) {
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
export function canLoadAgain(fault: BambaError): boolean {
  return fault.code !== 'adapter_limit' && fault.code !== 'unsupported_model' && fault.code !== 'manifest_version';
}

const FOR_MODELS: ReadonlySet<ErrorCode> = new Set([
  'storage_full',
  'adapter_limit',
  'out_of_memory',
  'unsupported_model',
  'access_denied',
]);

/** Whether the list of models helps: to delete one that is kept, or to choose a smaller or another one. */
export function isForModels(fault: BambaError): boolean {
  return FOR_MODELS.has(fault.code);
}
