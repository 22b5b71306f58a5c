/** What went wrong, for programs. The message says it for people. */
export type ErrorCode =
  /** The browser has no WebGPU, or no adapter. */
  | 'webgpu_unavailable'
  /** The GPU was taken away, and did not come back. */
  | 'device_lost'
  /** The GPU's memory is full. */
  | 'out_of_memory'
  /** The model does not fit this adapter. */
  | 'adapter_limit'
  /** A shader does not compile, a call is not valid: a bug of this library. */
  | 'gpu_failure'
  /** A checkpoint's header is broken, a tensor is missing, or has another shape or type. */
  | 'checkpoint_invalid'
  /** `config.json` or the tokenizer's files are not what they should be. */
  | 'config_invalid'
  /** An architecture, a type or an option that is not implemented. */
  | 'unsupported_model'
  /** `manifest.json` of a package is broken. */
  | 'manifest_invalid'
  /** The package is of another version of the format. */
  | 'manifest_version'
  /** Weights differ in hash or size, also after the second fetch. */
  | 'shard_corrupt'
  /** A server cannot be reached, or answers with an error. */
  | 'network'
  /** The repository asks for a token, or does not exist. */
  | 'access_denied'
  /** The files of a checkpoint changed while they were read. */
  | 'checkpoint_changed'
  /** A server sends other bytes than it declares, or than it was asked for. */
  | 'checkpoint_corrupt'
  /** The browser gives no more room. */
  | 'storage_full'
  /** The browser denies its database. */
  | 'storage_unavailable'
  /** There is nothing to answer. */
  | 'prompt_empty'
  /** The prompt does not fit the context. */
  | 'prompt_too_long'
  /** A kept or exported state cannot be used: it is damaged, or of another model, scheme or version. */
  | 'state_invalid'
  /** A setting or a parameter is unknown, or out of its range. */
  | 'setting_invalid'
  /** The chat template refuses the messages. */
  | 'template_failed'
  /** A file of chats cannot be read. */
  | 'chats_invalid'
  /** A file cannot be attached to a question: it is no text, too large, one too many, or cannot be read. */
  | 'attachment_refused'
  /** The engine answers one request at a time, and this one was not to wait. */
  | 'busy'
  /** The engine was disposed of. */
  | 'disposed'
  /** The engine's worker could not start, broke down, or no longer answers; it was ended. */
  | 'worker_failed'
  /** An error that this library does not know: a bug of it, or of the browser. Its message is the error's own. */
  | 'internal'
  /** The page aborted it. */
  | 'aborted';

/**
 * The one error class of the library: a `code` for programs, and a sentence that says what is wrong and what to do.
 *
 * ```ts
 * try {
 *   engine = await createEngine({ model });
 * } catch (error) {
 *   if (error instanceof BambaError && error.code === 'storage_full') showModels();
 *   else throw error;
 * }
 * ```
 */
export class BambaError extends Error {
  /** `BambaError`, also where code is minified. */
  override readonly name = 'BambaError';
  /** What went wrong. */
  readonly code: ErrorCode;

  /**
   * @param message one sentence that says what is wrong, and one that says what to do
   * @param options `cause` is what it was made of
   */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** An error as plain data: how it crosses between a worker and its page. */
export type ErrorData = Pick<BambaError, 'code' | 'message'>;

/**
 * Whatever was thrown, as an error with a code. An error that this library does not know is `internal`, and keeps its own
 * message. The class is known by its name and shape: an engine from outside may bring its own copy of it.
 */
export function asBambaError(error: unknown): BambaError {
  if (error instanceof BambaError) return error;
  if (!(error instanceof Error)) return new BambaError('internal', String(error), { cause: error });
  const code = error.name === 'BambaError' ? (error as Partial<BambaError>).code : undefined;
  return new BambaError(code ?? 'internal', error.message || error.name, { cause: error });
}

const FATAL: ReadonlySet<ErrorCode> = new Set([
  'device_lost',
  'out_of_memory',
  'gpu_failure',
  'disposed',
  'worker_failed',
]);

/** Whether an engine that failed with this code never answers again. */
export function isFatal(code: ErrorCode): boolean {
  return FATAL.has(code);
}
