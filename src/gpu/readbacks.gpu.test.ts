import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasAdapter } from '../testing/dawn.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { BufferSet, slice } from './buffers.ts';
import { Gpu } from './device.ts';
import { Readbacks } from './readbacks.ts';

describe.skipIf(!hasAdapter)('readbacks', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  /** Buffers whose bytes come late, the later ones sooner than the first. */
  function slowBuffers(set: BufferSet): (index: number) => GPUBuffer {
    return (index) => {
      const buffer = set.readback(`slow ${index}`, 16);
      const map = buffer.mapAsync.bind(buffer);
      const slowly: typeof map = async (mode) => {
        await map(mode);
        await new Promise((resolve) => setTimeout(resolve, 12 - 4 * index));
        return undefined;
      };
      return Object.defineProperty(buffer, 'mapAsync', { value: slowly });
    };
  }

  test('are as many as are in use at once, and are used again', async () => {
    const set = new BufferSet(gpu.device, 'test');
    try {
      const source = set.storage('source', 16);
      const make = slowBuffers(set);
      const readbacks = new Readbacks(gpu, make, 'Not read.', [make(0)]);
      const copy = (value: number) => {
        gpu.device.queue.writeBuffer(source, 0, new Uint32Array([value]));
        const encoder = gpu.device.createCommandEncoder();
        const read = readbacks.copy(encoder, slice(source));
        gpu.device.queue.submit([encoder.finish()]);
        return read().then((bytes) => new Uint32Array(bytes)[0]);
      };
      const round = () => gpu.guarded('copies', () => Promise.all([1, 2, 3].map(copy)));
      expect(await round()).toEqual([1, 2, 3]);
      const { bytes } = set;
      for (let again = 0; again < 3; again++) expect(await round()).toEqual([1, 2, 3]);
      expect(set.bytes).toBe(bytes);
      gpu.check();
    } finally {
      set.dispose();
    }
  });
});
