import type { Checkpoint } from './checkpoint.ts';
import { type EncodedTensor, encodeRows, type RowLayout, rowLayout } from './encode-rows.ts';
import { SHARD_BYTES, shardBytes } from './manifest.ts';
import { fillFromPieces, type PieceKeeper } from './pieces.ts';
import { ShardPieces } from './shard-pieces.ts';
import { resolveSources, sourceRows } from './tensor-sources.ts';
import type { TensorEntry, TensorSource, TensorSpec } from './types.ts';

interface PlacedTensor extends EncodedTensor {
  entry: TensorEntry;
  layout: RowLayout;
  /** Bytes of the checkpoint that all tensors before this one are made of. */
  sourceBegin: number;
  sourceBytes: number;
}

export interface ShardsOptions {
  signal?: AbortSignal;
  /**
   * Called as bytes of the package come into being, with their number from its beginning on. `made` is false for bytes
   * that an earlier visit made.
   */
  onPosition?: (position: number, made: boolean) => void;
  /** Keeps what there is of an unfinished shard, by its place in the package; what is kept there is not made again. */
  pieces?: PieceKeeper;
}

/** How a range of a package is read. */
interface ReadOptions extends Pick<ShardsOptions, 'signal' | 'pieces'> {
  /** Hears of scales as soon as there are some, in order, long before it is their turn. */
  onScales?: (begin: number, scales: Uint8Array) => void;
}

/**
 * The bytes of a package as a checkpoint gives them: any range, in order, without the rest. Bytes that are made twice
 * are the same twice. So a package can be begun in one visit and finished in another, and a single shard can be made
 * anew. Memory stays at two pieces of a tensor, a shard, and the scales of a tensor.
 *
 * ```ts
 * const stream = new PackageStream(checkpoint, specs, planTensors(specs, 'int8'));
 * for await (const shard of stream.shards(7)) await store(shard); // from shard 7 on
 * ```
 */
export class PackageStream {
  /** The bytes of the whole package. */
  readonly bytes: number;
  /** Bytes of the checkpoint's tensors that it is made from. */
  readonly sourceBytes: number;
  readonly #tensors: PlacedTensor[] = [];

  /**
   * @param entries the place of each of `specs`, see `planTensors`
   * @throws BambaError `checkpoint_invalid`, `unsupported_model`: all faults of names, shapes and types show here.
   */
  constructor(checkpoint: Checkpoint, specs: readonly TensorSpec[], entries: readonly TensorEntry[]) {
    let sourceBegin = 0;
    for (const [index, spec] of resolveSources(checkpoint, specs).entries()) {
      const entry = entries[index] as TensorEntry;
      const sourceBytes = spec.sources.reduce((sum, source) => sum + bytesOf(checkpoint, source), 0);
      const { scheme } = entry;
      this.#tensors.push({
        checkpoint,
        spec,
        scheme,
        entry,
        layout: rowLayout(spec, scheme),
        sourceBegin,
        sourceBytes,
      });
      sourceBegin += sourceBytes;
    }
    const last = entries.at(-1);
    this.bytes = last ? last.offset + last.bytes : 0;
    this.sourceBytes = sourceBegin;
  }

  /** Bytes of the checkpoint that the package up to `position` is made of: how far a download is. */
  sourceBytesAt(position: number): number {
    const tensor = this.#tensors.findLast(({ entry }) => entry.offset < position);
    if (!tensor) return 0;
    const share = Math.min(1, (position - tensor.entry.offset) / tensor.entry.bytes);
    return tensor.sourceBegin + Math.round(share * tensor.sourceBytes);
  }

  /** Name of the tensor at `position`. */
  tensorAt(position: number): string {
    return this.#tensors.findLast(({ entry }) => entry.offset <= position)?.entry.name ?? '';
  }

  /**
   * Shards `first` to the one before `end`.
   * @throws BambaError `checkpoint_invalid`, `unsupported_model`, `aborted`; what the checkpoint's source throws, and
   * `pieces`.
   */
  async *shards(
    first: number,
    end: number = Math.ceil(this.bytes / SHARD_BYTES),
    { signal, onPosition, pieces }: ShardsOptions = {},
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const begin = first * SHARD_BYTES;
    let shard = new Uint8Array(Math.max(0, shardBytes(this.bytes, first)));
    const known = pieces ? await fillFromPieces(shard, begin, pieces) : 0;
    let position = begin + known;
    if (known > 0) {
      onPosition?.(position, false);
      if (known === shard.length) yield shard;
    }
    const keeping = pieces && new ShardPieces(pieces, position, (at) => this.sourceBytesAt(at));
    const options: ReadOptions = {
      ...(signal && { signal }),
      ...(pieces && { pieces }),
      ...(keeping && { onScales: (at, scales) => keeping.addScales(at, scales) }),
    };
    try {
      for await (const bytes of this.#read(position, Math.min(this.bytes, end * SHARD_BYTES), options)) {
        for (let done = 0; done < bytes.length;) {
          const filled = position % SHARD_BYTES;
          if (filled === 0) shard = new Uint8Array(shardBytes(this.bytes, position / SHARD_BYTES));
          const part = bytes.subarray(done, done + shard.length - filled);
          shard.set(part, filled);
          done += part.length;
          position += part.length;
          onPosition?.(position, true);
          const whole = filled + part.length === shard.length;
          await keeping?.upTo(position, shard, whole);
          if (whole) yield shard;
        }
      }
    } catch (fault) {
      await keeping?.end(position, shard);
      throw fault;
    }
  }

  /** Bytes [begin, end), in pieces. */
  async *#read(begin: number, end: number, options: ReadOptions): AsyncGenerator<Uint8Array> {
    let position = begin;
    for (const tensor of this.#tensors) {
      const { offset, bytes } = tensor.entry;
      if (offset >= end) break;
      if (offset + bytes <= position) continue;
      if (position < offset) yield new Uint8Array(offset - position);
      const from = Math.max(0, position - offset);
      const to = Math.min(bytes, end - offset);
      yield* readTensor(tensor, from, to, options);
      position = offset + to;
    }
    if (position < end) yield new Uint8Array(end - position);
  }
}

/** Bytes of the checkpoint that a source reads. */
function bytesOf(checkpoint: Checkpoint, source: TensorSource): number {
  const { begin, end } = checkpoint.require(source.name, source.shape);
  return ((end - begin) * sourceRows(source)) / sourceRows({ shape: source.shape });
}

/** Bytes [begin, end) of a tensor: weights, then scales, then padding. */
async function* readTensor(
  tensor: PlacedTensor,
  begin: number,
  end: number,
  { signal, pieces, onScales }: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const { rows, stride, scaleBytes } = tensor.layout;
  const weightBytes = rows * stride;
  const scaleBegin = tensor.entry.offset + weightBytes;
  const scaleEnd = weightBytes + rows * scaleBytes;
  // Scales come after all weights, and both are made from the same rows: they are kept until it is their turn.
  const scales = new Uint8Array(end > weightBytes ? rows * scaleBytes : 0);
  const firstRow = Math.min(rows, Math.floor(begin / stride));
  if (begin < weightBytes) {
    const lastRow = Math.min(rows, Math.ceil(end / stride));
    for await (const piece of encodeRows(tensor, firstRow, lastRow, signal)) {
      const at = piece.first * stride;
      if (scales.length > 0) {
        scales.set(piece.scales, piece.first * scaleBytes);
        onScales?.(scaleBegin + piece.first * scaleBytes, piece.scales);
      }
      yield piece.bytes.subarray(Math.max(0, begin - at), Math.max(0, end - at));
    }
  }
  if (end > weightBytes && begin < scaleEnd && scaleBytes > 0) {
    const from = Math.max(0, begin - weightBytes);
    const to = Math.min(end, scaleEnd) - weightBytes;
    // Begun in the middle of the tensor: the rows before are read again for those of their scales that are not kept.
    const missing = { first: Math.floor(from / scaleBytes), end: Math.min(firstRow, Math.ceil(to / scaleBytes)) };
    if (pieces && missing.first < missing.end) {
      const wanted = scales.subarray(missing.first * scaleBytes, missing.end * scaleBytes);
      const known = await fillFromPieces(wanted, scaleBegin + missing.first * scaleBytes, pieces);
      missing.first += Math.floor(known / scaleBytes);
    }
    for await (const piece of encodeRows(tensor, missing.first, Math.max(missing.first, missing.end), signal)) {
      scales.set(piece.scales, piece.first * scaleBytes);
    }
    yield scales.subarray(from, to);
  }
  if (end > scaleEnd) yield new Uint8Array(end - Math.max(begin, scaleEnd));
}
