import { BufferSet } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import { type UploadCopy, UploadRing } from '../gpu/upload-ring.ts';
import { pieceRange, SNAPSHOT_PIECE_BYTES } from './snapshot-bytes.ts';

// States between the GPU and the host, a piece at a time: one of 9B parameters has hundreds of MB.

/** Bytes of a buffer, from an offset on, that are part of a payload. */
export interface PayloadPart {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  /** A multiple of 4. */
  readonly bytes: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Pieces on their way to the GPU at once. */
const PIECES = 4;
/** Pieces that are asked for at once: while some are read from the disk, others are hashed, each on a core of its own. */
const AHEAD = 8;

/** Where the bytes [begin, end) of a payload are. Offsets in a piece count from `begin`. */
function rangesIn(parts: readonly PayloadPart[], begin: number, end: number): UploadCopy[] {
  const ranges: UploadCopy[] = [];
  let start = 0;
  for (const { buffer, offset, bytes } of parts) {
    const from = Math.max(begin, start);
    const to = Math.min(end, start + bytes);
    if (from < to) ranges.push({ begin: from - begin, end: to - begin, buffer, offset: offset + from - start });
    start += bytes;
  }
  return ranges;
}

/**
 * Reads a payload back, in pieces, through one staging buffer. The state must not change before the last, nor be freed.
 * @param signal ends it between two pieces, before anything of the next is touched: whoever changes or frees the state
 * aborts first
 * @throws BambaError `device_lost`, `disposed`, `out_of_memory`, `gpu_failure`.
 */
export async function* readPieces(
  gpu: Gpu,
  parts: readonly PayloadPart[],
  signal?: AbortSignal,
): AsyncGenerator<Bytes, void> {
  const payload = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const set = new BufferSet(gpu.device, 'read state');
  try {
    const size = Math.min(payload, SNAPSHOT_PIECE_BYTES);
    const staging = await gpu.guarded('reading the state of the conversation', () => set.readback('piece', size));
    for (let index = 0; pieceRange(index, payload).begin < payload; index++) {
      if (signal?.aborted) return;
      const { begin, end } = pieceRange(index, payload);
      const encoder = gpu.device.createCommandEncoder({ label: 'read state' });
      for (const range of rangesIn(parts, begin, end)) {
        encoder.copyBufferToBuffer(range.buffer, range.offset, staging, range.begin, range.end - range.begin);
      }
      gpu.device.queue.submit([encoder.finish()]);
      await gpu.map(staging, GPUMapMode.READ, 'The GPU did not hand back the state of the conversation.');
      const piece = new Uint8Array(staging.getMappedRange(0, roundUp(end - begin)).slice(0, end - begin));
      staging.unmap();
      yield piece;
    }
  } finally {
    set.dispose();
  }
}

/** Mapped ranges are whole words. */
function roundUp(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

/**
 * Writes a payload, in pieces.
 * @param piece gives piece `index`, verified; it is asked for the next ones while this one is on its way, in their order
 * @throws BambaError as `readPieces`, and what `piece` throws.
 */
export async function writePieces(
  gpu: Gpu,
  parts: readonly PayloadPart[],
  piece: (index: number) => Promise<Bytes>,
): Promise<void> {
  const payload = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const ring = await gpu.guarded(
    'bringing back the state of the conversation',
    () => new UploadRing(gpu, { bytes: payload, pieceBytes: SNAPSHOT_PIECE_BYTES, pieces: PIECES }),
  );
  try {
    const asked: Promise<Bytes>[] = [];
    let next = 0;
    for (let index = 0; pieceRange(index, payload).begin < payload; index++) {
      for (; next < index + AHEAD && pieceRange(next, payload).begin < payload; next++) {
        const coming = piece(next);
        coming.catch(() => {}); // heard of when it is its turn
        asked.push(coming);
      }
      const { begin, end } = pieceRange(index, payload);
      await ring.write(await asked.shift()!, rangesIn(parts, begin, end));
    }
    await ring.drain();
  } finally {
    ring.dispose();
  }
}
