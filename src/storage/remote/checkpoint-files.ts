import type { ByteSource } from '../../weights/byte-source.ts';

/** The files of a checkpoint, at a place that can say whether they are still the same. */
export interface CheckpointFiles extends ByteSource {
  /**
   * Changes whenever the checkpoint may have changed: a request or three, before anything else is read.
   * @param attempts how often to try where a server does not answer
   */
  version(signal?: AbortSignal, attempts?: number): Promise<string>;
  /** Changes with the contents of this file; null where there is no such file. */
  identity(file: string, signal?: AbortSignal, attempts?: number): Promise<string | null>;
  /** On this machine: what is read twice costs nothing. */
  readonly local?: true;
  /** The commit of a repository, once `version` is known. */
  readonly commit?: string;
  /**
   * Compares what was read with what the place declares of its files.
   * @returns files that could not be compared
   * @throws BambaError `checkpoint_corrupt`; as `read`.
   */
  check?(signal?: AbortSignal): Promise<string[]>;
  /** Takes note of bytes that an earlier visit read, for `check`. @throws BambaError `checkpoint_corrupt`. */
  note?(file: string, begin: number, bytes: Uint8Array): void;
  /** How far `check` is, for a later visit to go on from; null where there is nothing to go on from. */
  saveHashes?(): Uint8Array<ArrayBuffer> | null;
  /** Goes on from what `saveHashes` gave in an earlier visit. */
  restoreHashes?(saved: Uint8Array): void;
  /** Ends what is still open. */
  close(): void;
}

/** Version of a place that has none of its own: what its main files are. */
export async function versionOfFiles(
  files: Pick<CheckpointFiles, 'identity'>,
  signal?: AbortSignal,
  attempts?: number,
): Promise<string> {
  const parts: string[] = [];
  for (const file of ['config.json', 'model.safetensors', 'model.safetensors.index.json']) {
    parts.push(`${file} ${await files.identity(file, signal, attempts)}`);
  }
  return parts.join('\n');
}
