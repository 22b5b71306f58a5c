import { BambaError, type ErrorCode } from '../../errors.ts';

/** The names of the engine's faults here; others are `UnknownError`. */
const NAMES: Partial<Record<ErrorCode, string>> = {
  aborted: 'AbortError',
  disposed: 'InvalidStateError',
  busy: 'OperationError',
  setting_invalid: 'NotSupportedError',
  prompt_empty: 'NotSupportedError',
  template_failed: 'NotSupportedError',
  unsupported_model: 'NotSupportedError',
  webgpu_unavailable: 'NotSupportedError',
  adapter_limit: 'NotSupportedError',
  network: 'NetworkError',
  access_denied: 'NetworkError',
};

/** A fault by one of the names that the Prompt API has. `cause` is what it was made of. */
export function fault(name: string, message: string, cause?: unknown): DOMException {
  return withFields(new DOMException(message, name), cause === undefined ? {} : { cause });
}

/**
 * Turns a thrown value into the error that pages of the Prompt API expect.
 * @param otherwise what faults are called that have no name of their own there
 */
export function asFault(error: unknown, otherwise = 'UnknownError'): unknown {
  if (!(error instanceof BambaError)) return error;
  return fault(NAMES[error.code] ?? otherwise, error.message, error);
}

/**
 * More tokens than there is room for. The browser's own class where it has one.
 * @param requested tokens that it takes
 * @param quota tokens that there are
 */
export function quotaExceeded(requested: number, quota: number): DOMException {
  const message = `The conversation needs ${requested} tokens, and the context has ${quota}. Shorten the prompt.`;
  const { QuotaExceededError: Own } = globalThis as {
    QuotaExceededError?: new (message: string, options: { requested: number; quota: number }) => DOMException;
  };
  if (Own) return new Own(message, { requested, quota });
  return withFields(new DOMException(message, 'QuotaExceededError'), { requested, quota });
}

function withFields(exception: DOMException, fields: object): DOMException {
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(exception, name, { value });
  return exception;
}
