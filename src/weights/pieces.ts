/** Bytes of something larger, and where in it they begin. The array has its buffer to itself. */
export interface Piece {
  begin: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Keeps pieces of what is unfinished, so that whoever comes later goes on where it stopped. */
export interface PieceKeeper {
  /** The kept pieces of [begin, end), in order and as they were; they may overlap, and reach beyond the range. */
  known(begin: number, end: number): AsyncIterable<Piece>;
  /** Returns as soon as more may come. */
  keep(pieces: readonly Piece[]): Promise<void>;
  /** Returns when all is kept that was given. */
  settle(): Promise<void>;
}

/** Bytes from a server that have to come before they are kept: with those on their way, what a visit that ends can lose. */
export const PIECE_BYTES = 2 ** 20;

/**
 * Fills `bytes` with what is kept of them, and reads and keeps the rest. The last piece is for whoever keeps the whole.
 * @param onBytes told of bytes that are there, kept ones or read
 * @throws what `read` and `pieces` throw, when all is kept that came.
 */
export async function readInPieces(
  bytes: Uint8Array,
  read: (begin: number, end: number) => Promise<Uint8Array>,
  pieces: PieceKeeper,
  onBytes: (count: number, kept: boolean) => void = () => {},
): Promise<void> {
  let filled = await fillFromPieces(bytes, 0, pieces);
  if (filled > 0) onBytes(filled, true);
  try {
    while (filled < bytes.length) {
      const end = Math.min(bytes.length, filled + PIECE_BYTES);
      const piece = new Uint8Array(await read(filled, end));
      bytes.set(piece, filled);
      onBytes(piece.length, false);
      if (end < bytes.length) await pieces.keep([{ begin: filled, bytes: piece }]);
      filled = end;
    }
  } catch (fault) {
    await pieces.settle().catch(() => {});
    throw fault;
  }
}

/**
 * Fills `bytes`, which are those from `begin` on, with what is kept of them, as far as that goes on without a gap.
 * Returns how many are filled.
 */
export async function fillFromPieces(
  bytes: Uint8Array,
  begin: number,
  pieces: Pick<PieceKeeper, 'known'>,
): Promise<number> {
  let filled = 0;
  for await (const piece of pieces.known(begin, begin + bytes.length)) {
    const skipped = begin + filled - piece.begin;
    if (skipped < 0) break;
    const more = piece.bytes.subarray(skipped, skipped + bytes.length - filled);
    bytes.set(more, filled);
    filled += more.length;
  }
  return filled;
}
