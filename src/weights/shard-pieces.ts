import { SHARD_BYTES } from './manifest.ts';
import { type Piece, PIECE_BYTES, type PieceKeeper } from './pieces.ts';

/** Bytes at a place in the package. */
interface Placed {
  begin: number;
  bytes: Uint8Array;
}

/**
 * Keeps what there is of an unfinished shard, and the scales of its rows with it. Those lie behind all weights of their
 * tensor, maybe many shards further on: without them all of the tensor would have to be read again.
 */
export class ShardPieces {
  readonly #keeper: PieceKeeper;
  readonly #sourceBytesAt: (position: number) => number;
  #kept: number;
  #scales: Placed[] = [];

  /** @param sourceBytesAt what the package up to a position costs: kept is what cost much */
  constructor(keeper: PieceKeeper, position: number, sourceBytesAt: (position: number) => number) {
    this.#keeper = keeper;
    this.#kept = position;
    this.#sourceBytesAt = sourceBytesAt;
  }

  /** Scales that begin at `begin` in the package. */
  addScales(begin: number, bytes: Uint8Array): void {
    this.#scales.push({ begin, bytes });
  }

  /** Says that the package is made up to `position`, which is in `shard` or, where that is whole, at its end. */
  async upTo(position: number, shard: Uint8Array, whole: boolean): Promise<void> {
    const much = this.#sourceBytesAt(position) - this.#sourceBytesAt(this.#kept) >= PIECE_BYTES;
    if (whole || much) await this.#keep(position, shard, whole);
  }

  /** Says that nothing comes after `position` in `shard`. Keeps the pieces that were made, if it can. */
  async end(position: number, shard: Uint8Array): Promise<void> {
    try {
      if (position > this.#kept) await this.#keep(position, shard, false);
      await this.#keeper.settle();
    } catch {
      // The error that ended it is the one to report.
    }
  }

  async #keep(position: number, shard: Uint8Array, whole: boolean): Promise<void> {
    const kept = this.#kept;
    this.#kept = position;
    // A shard that is whole is for its receiver to keep.
    const made = whole ? [] : [{ begin: kept, bytes: shard.slice(kept % SHARD_BYTES, position % SHARD_BYTES) }];
    const scales = this.#scales.splice(0).filter(({ begin, bytes }) => begin + bytes.length > position);
    const pieces = [...made, ...scales.flatMap(cutAtShards)];
    if (pieces.length > 0) await this.#keeper.keep(pieces);
  }
}

/** In parts that belong to one shard each, with which they are dropped. */
function cutAtShards({ begin, bytes }: Placed): Piece[] {
  const parts: Piece[] = [];
  for (let at = begin; at < begin + bytes.length;) {
    const end = Math.min(begin + bytes.length, (Math.floor(at / SHARD_BYTES) + 1) * SHARD_BYTES);
    parts.push({ begin: at, bytes: bytes.slice(at - begin, end - begin) });
    at = end;
  }
  return parts;
}
