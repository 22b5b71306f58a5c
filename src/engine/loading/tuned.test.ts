import 'fake-indexeddb/auto';
import { describe, expect, it, vi } from 'vitest';
import type { Gpu } from '../../gpu/device.ts';
import { readTuning, writeTuning } from '../../storage/store/tuning-store.ts';
import { keepTuning, storedTuning } from './tuned.ts';

/** What the key of an adapter is made of. */
function adapter(description: string, subgroupSize = 32): Gpu {
  return {
    adapterInfo: { vendor: 'v', architecture: 'a', device: '', description },
    features: { f16: false, subgroups: true, timestamps: false, subgroupSize },
    limits: { maxBufferSize: 2 ** 30, maxStorageBufferBindingSize: 2 ** 27 },
  } as unknown as Gpu;
}

describe('a tuning', () => {
  const tuning = { matvecSubgroups: 2, narrowRows: 2560, chunkTokens: 512 };

  it('is kept for the adapter that it was measured on', async () => {
    expect(await storedTuning(adapter('one'))).toBe(null);
    await keepTuning(adapter('one'), tuning);
    expect(await storedTuning(adapter('one'))).toEqual(tuning);
    expect(await storedTuning(adapter('another'))).toBe(null);
    expect(await storedTuning(adapter('one', 64))).toBe(null);
  });

  it('is none where it says what no model can have', async () => {
    await keepTuning(adapter('two'), { matvecSubgroups: 3, narrowRows: 2560, chunkTokens: 512 });
    expect(await storedTuning(adapter('two'))).toBe(null);
    await keepTuning(adapter('two'), { ...tuning, chunkTokens: 1e9 });
    expect(await storedTuning(adapter('two'))).toBe(null);
  });

  it('is none where the browser keeps nothing', async () => {
    await writeTuning('key', tuning);
    expect(await readTuning('key')).toEqual(tuning);
    const open = vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    expect(await readTuning('key')).toBe(undefined);
    open.mockRestore();
    vi.stubGlobal('indexedDB', undefined);
    expect(await storedTuning(adapter('one'))).toBe(null);
    vi.unstubAllGlobals();
  });
});
