import { BambaError } from '../errors.ts';

/** Whatever was thrown, as an error with a code. */
export function asTyped(error: unknown): BambaError {
  if (error instanceof BambaError) return error;
  const message = error instanceof Error ? error.message || error.name : String(error);
  if (error instanceof Error && error.name === 'DataCloneError') {
    return new BambaError(
      'setting_invalid',
      `An option or a request holds something that cannot be handed to the engine's worker, such as a function: ${message}`,
      { cause: error },
    );
  }
  return new BambaError('internal', message, { cause: error });
}
