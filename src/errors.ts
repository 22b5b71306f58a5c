/** What went wrong, for programs. The message says it for people. */
export type ErrorCode =
  | 'webgpu_unavailable' // no navigator.gpu, no adapter
  | 'device_lost'
  | 'out_of_memory' // of the GPU
  | 'adapter_limit' // the model does not fit this adapter
  | 'gpu_failure' // a shader does not compile, a validation error: a bug of ours
  | 'checkpoint_invalid' // safetensors header, missing tensor, wrong shape, unknown dtype
  | 'config_invalid' // config.json or tokenizer files are not what they should be
  | 'unsupported_model' // an architecture, a dtype or an option that is not implemented
  | 'manifest_invalid' // manifest.json of a package
  | 'manifest_version'
  | 'shard_corrupt' // hash or size differ, also after the second fetch
  | 'network'
  | 'access_denied' // a repository that asks for a token, or does not exist
  | 'checkpoint_changed' // the files of a checkpoint changed while they were read
  | 'storage_full'
  | 'storage_unavailable'
  | 'prompt_empty'
  | 'prompt_too_long'
  | 'setting_invalid' // a sampling setting or option out of its range
  | 'template_failed' // the chat template refused the messages
  | 'chats_invalid' // a file of chats that cannot be read
  | 'busy' // the engine answers one request at a time
  | 'disposed'
  | 'aborted';

/**
 * The one error class of the library: a `code` for programs, and a sentence that says what is wrong and what to do.
 * It survives structured cloning between worker and page as `{ code, message }` (see `toWire` and `fromWire`).
 */
export class BambaError extends Error {
  override readonly name = 'BambaError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
