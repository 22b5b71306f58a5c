import { describe, expect, it } from 'vitest';
import { largestBinding } from '../gpu/device.ts';
import { CACHE_TYPES, cacheRowBytes } from '../kernels/attention/kv-cache.ts';
import { contextBytes } from '../model/memory.ts';
import { ropeTableBytes } from '../model/rope-table.ts';
import { cacheLayout } from '../model/sequence-cache.ts';
import { stateBytes } from '../model/state.ts';
import { SHAPES } from './shapes.ts';

// What 128K tokens of Bamba-9B take: three layers of attention with 8 KV heads of 128.

const bamba = SHAPES['bamba-9b'];
const TOKENS = 131_072;
const ROWS = TOKENS * 3 * 2 * 8;

describe("128K tokens of Bamba-9B's shape", () => {
  it.each([
    ['f32', 512, 3221],
    ['f16', 256, 1611],
    ['int8', 136, 856],
  ] as const)('take in %s keys and values of %d bytes a row: %d MB', (type, rowBytes, megabytes) => {
    expect(cacheRowBytes(type, 128)).toBe(rowBytes);
    const { fixed, perToken } = stateBytes(bamba, type);
    expect(perToken * TOKENS).toBe(ROWS * rowBytes);
    expect(Math.round((perToken * TOKENS) / 1e6)).toBe(megabytes);
    // States and columns of 29 mixers, and angles of 64 dimensions: 124 MB and 34 MB.
    const states = 29 * 4 * (128 * 64 * 128 + 4 * (128 * 64 + 2 * 128));
    expect(fixed).toBe(states);
    expect(contextBytes(bamba, type, TOKENS)).toBe(states + ROWS * rowBytes + TOKENS * 64 * 4);
  });

  it('have a table of angles that is little beside them, and no longer than what is in use', () => {
    const table = ropeTableBytes(bamba.attention!.rope, TOKENS);
    expect(table).toBe(TOKENS * 64 * 4);
    expect(table).toBeLessThan(0.04 * stateBytes(bamba, 'int8').perToken * TOKENS);
  });

  it.each([2 ** 27, 2 ** 28, 2 ** 30])('lie in buffers that an adapter with bindings of %d bytes has', (binding) => {
    const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: binding };
    for (const type of CACHE_TYPES) {
      const { segmentTokens } = cacheLayout(bamba, type, limits);
      expect(segmentTokens * 8 * cacheRowBytes(type, 128)).toBeLessThanOrEqual(largestBinding(limits));
      expect(TOKENS / segmentTokens).toBeLessThanOrEqual(8);
    }
  });
});
