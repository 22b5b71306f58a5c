import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BufferSet } from '../gpu/buffers.ts';
import { Gpu } from '../gpu/device.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { pieceRange, SNAPSHOT_PIECE_BYTES } from './snapshot-bytes.ts';
import { type PayloadPart, readPieces, writePieces } from './snapshot-transfer.ts';

/** More pieces than are asked for at once, of which the last is not whole. */
const PAYLOAD = 9.5 * SNAPSHOT_PIECE_BYTES;
const PIECES = 10;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!hasAdapter)('a payload in pieces', () => {
  let gpu: Gpu;
  let buffers: BufferSet;
  let parts: PayloadPart[];
  const words = Uint32Array.from({ length: PAYLOAD / 4 }, (_, index) => Math.imul(index, 2_654_435_761));
  const payload = new Uint8Array(words.buffer);
  const pieceOf = (index: number) => {
    const { begin, end } = pieceRange(index, PAYLOAD);
    return payload.subarray(begin, end);
  };

  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
    buffers = new BufferSet(gpu.device, 'payload');
    // Three buffers, whose ends are inside of pieces; the second begins behind something else.
    const sizes = [1.25, 3.5, 4.75].map((pieces) => pieces * SNAPSHOT_PIECE_BYTES);
    parts = sizes.map((bytes, index) => {
      const offset = index === 1 ? 256 : 0;
      return { buffer: buffers.storage(`part ${index}`, bytes + offset), offset, bytes };
    });
  });
  afterAll(() => {
    buffers?.dispose();
    gpu?.dispose();
  });

  it('is the same in whichever order its pieces come, of which a few are asked for at once', async () => {
    const asked: number[] = [];
    let waiting = 0;
    let most = 0;
    await writePieces(gpu, parts, async (index) => {
      asked.push(index);
      most = Math.max(most, ++waiting);
      // The later ones are there first.
      await pause(5 * (PIECES - index));
      waiting--;
      return pieceOf(index);
    });
    expect(asked).toEqual(Array.from({ length: PIECES }, (_, index) => index));
    expect(most).toBe(8);
    let index = 0;
    for await (const piece of readPieces(gpu, parts)) {
      expect(Buffer.compare(piece, pieceOf(index)), `piece ${index}`).toBe(0);
      index++;
    }
    expect(index).toBe(PIECES);
  });

  it('ends with the error of the first piece that is not there, and asks for no more', async () => {
    const asked: number[] = [];
    const writing = writePieces(gpu, parts, async (index) => {
      asked.push(index);
      await pause(5 * (PIECES - index));
      if (index > 0) throw new Error(`no piece ${index}`);
      return pieceOf(index);
    });
    await expect(writing).rejects.toThrow('no piece 1');
    expect(asked).toHaveLength(9);
  });
});
