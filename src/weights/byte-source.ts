import { BambaError } from '../errors.ts';
import type { TensorInfo } from './types.ts';

/** Files of a checkpoint, wherever they are: a folder, a server that takes Range requests, memory. */
export interface ByteSource {
  /** Bytes of `file`, or null where there is no such file. */
  size(file: string, signal?: AbortSignal): Promise<number | null>;
  /**
   * Exactly the bytes [begin, end) of `file`; rejects where it cannot give them all.
   * @param until where the reader will probably get to, piece by piece: a server is then asked once for all of it
   */
  read(file: string, begin: number, end: number, signal?: AbortSignal, until?: number): Promise<Uint8Array>;
  /** Names of all files, where the place can tell. */
  list?(signal?: AbortSignal): Promise<readonly string[]>;
  /** All tensors, of a place that knows them without the headers of safetensors files; null where it turns out not to. */
  tensors?(signal?: AbortSignal): Promise<readonly TensorInfo[] | null>;
  /** Why `size` was null for a file, where that is more than its absence: half a sentence. */
  absence?(file: string): string | undefined;
}

/** A source over files in memory. */
export function memorySource(files: Readonly<Record<string, Uint8Array>>): ByteSource {
  const lookUp = (file: string) => (Object.hasOwn(files, file) ? files[file] : undefined);
  return {
    size: async (file) => lookUp(file)?.length ?? null,
    list: async () => Object.keys(files),
    async read(file, begin, end) {
      const bytes = lookUp(file);
      if (!bytes || end > bytes.length) throw new RangeError(`${file} has no bytes [${begin}, ${end}).`);
      return bytes.slice(begin, end);
    },
  };
}

/**
 * Reads [begin, end) and makes sure that this is what came.
 * @throws BambaError `checkpoint_invalid` where the source gave another number of bytes.
 */
export async function readExactly(
  source: ByteSource,
  file: string,
  begin: number,
  end: number,
  signal?: AbortSignal,
  until: number = end,
): Promise<Uint8Array> {
  const bytes = await source.read(file, begin, end, signal, until);
  if (bytes.length === end - begin) return bytes;
  throw new BambaError(
    'checkpoint_invalid',
    `${file} gave ${bytes.length} bytes where ${end - begin} were asked for. It was cut short or changed: fetch it again.`,
  );
}
