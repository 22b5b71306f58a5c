import { BambaError } from '../errors.ts';
import { type ByteSource, readExactly } from './byte-source.ts';
import { refuseForeign } from './foreign-content.ts';
import { type PieceKeeper, readInPieces } from './pieces.ts';

/** Config, tokenizer and index files: anything larger is not one. */
const MAX_TEXT_FILE = 64 * 2 ** 20;

/**
 * A small file, whole; null where there is none.
 * @param pieces keeps what has come of it; what is kept there is not read again
 * @throws BambaError `checkpoint_invalid`; what the source throws, and `pieces`.
 */
export async function readText(
  source: ByteSource,
  file: string,
  signal?: AbortSignal,
  pieces?: PieceKeeper,
): Promise<Uint8Array | null> {
  const size = await source.size(file, signal);
  if (size === null) return null;
  if (size > MAX_TEXT_FILE) {
    throw new BambaError(
      'checkpoint_invalid',
      `${file} has ${size} bytes; at most ${MAX_TEXT_FILE} are accepted for such a file.`,
    );
  }
  let bytes = new Uint8Array(size);
  if (pieces) await readInPieces(bytes, (begin, end) => readExactly(source, file, begin, end, signal, size), pieces);
  else bytes = new Uint8Array(await readExactly(source, file, 0, size, signal));
  refuseForeign(file, bytes);
  return bytes;
}
