import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasAdapter } from '../testing/dawn.ts';
import { BufferSet, readBuffer, slice } from './buffers.ts';
import { Gpu } from './device.ts';
import { UploadRing } from './upload-ring.ts';

describe.skipIf(!hasAdapter)('an upload ring', () => {
  let gpu: Gpu;
  beforeEach(async () => {
    gpu = await Gpu.request();
  });
  afterEach(() => gpu.dispose());

  const bytesOf = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 255);

  test('puts every byte where it belongs, whatever its pieces, also when calls overlap', async () => {
    const set = new BufferSet(gpu.device, 'test');
    const [left, right] = [set.storage('left', 2048), set.storage('right', 2048)];
    const data = bytesOf(3000);
    // 64 bytes a piece: the ring goes round some twelve times, and copies begin and end amid pieces.
    const ring = new UploadRing(gpu, { bytes: 3000, pieceBytes: 64 });
    await Promise.all([
      ring.write(data.subarray(0, 1000), [
        { begin: 0, end: 500, buffer: left, offset: 100 },
        { begin: 500, end: 996, buffer: right, offset: 4 },
      ]),
      ring.write(data.subarray(1000), [{ begin: 8, end: 1300, buffer: right, offset: 600 }]),
    ]);
    await ring.drain();
    ring.dispose();
    const expected = [new Uint8Array(2048), new Uint8Array(2048)] as const;
    expected[0].set(data.subarray(0, 500), 100);
    expected[1].set(data.subarray(500, 996), 4);
    expected[1].set(data.subarray(1008, 2300), 600);
    expect(new Uint8Array(await readBuffer(gpu.device, slice(left)))).toEqual(expected[0]);
    expect(new Uint8Array(await readBuffer(gpu.device, slice(right)))).toEqual(expected[1]);
    gpu.check();
  });

  test('is done with what it was given when a write resolves', async () => {
    const target = new BufferSet(gpu.device, 'test').storage('target', 1024);
    const ring = new UploadRing(gpu, { bytes: 1024, pieceBytes: 256, pieces: 2 });
    const data = bytesOf(1024);
    await ring.write(data, [{ begin: 0, end: 1024, buffer: target, offset: 0 }]);
    data.fill(0);
    await ring.drain();
    expect(new Uint8Array(await readBuffer(gpu.device, slice(target)))).toEqual(bytesOf(1024));
  });

  test('says what became of the device, to whoever writes and whoever waits', async () => {
    const target = new BufferSet(gpu.device, 'test').storage('target', 256);
    const copies = [{ begin: 0, end: 256, buffer: target, offset: 0 }];
    const ring = new UploadRing(gpu, { bytes: 256 });
    await ring.write(bytesOf(256), copies);
    gpu.dispose();
    await expect(ring.write(bytesOf(256), copies)).rejects.toMatchObject({ code: 'disposed' });
    await expect(ring.drain()).rejects.toMatchObject({ code: 'disposed' });
  });
});
