import { expect } from 'vitest';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { TestGpu } from './device.ts';

// Vectors of several sequences, as a batch has them: ranges of one buffer, at equal distances.

/** Elements that distances are a multiple of: bindings begin at multiples of 256 bytes. */
const ALIGNED = 64;
/** What stands between ranges: nobody may write it. */
const GAP = 54_321.5;

function packed(vectors: readonly Float32Array[], gap: number) {
  const { length } = vectors[0]!;
  const stride = ALIGNED * Math.ceil((length + 1) / ALIGNED);
  const values = new Float32Array(stride * vectors.length).fill(gap);
  for (const [index, vector] of vectors.entries()) values.set(vector, index * stride);
  const ranges = (buffer: GPUBuffer): BufferSlice[] =>
    vectors.map((_, index) => ({ buffer, offset: index * stride * 4, size: length * 4 }));
  return { values, stride, length, ranges };
}

/** Vectors that kernels read. No number is between them: it would show in a result. */
export function slotInputs(gpu: TestGpu, vectors: readonly Float32Array[]): BufferSlice[] {
  const { values, ranges } = packed(vectors, NaN);
  return ranges(gpu.input(values).buffer);
}

/** Vectors that kernels write, and what reads them back and looks at what is between them. */
export function slotOutputs(
  gpu: TestGpu,
  vectors: readonly Float32Array[],
): { ranges: BufferSlice[]; read: () => Promise<Float32Array[]> } {
  const { values, stride, length, ranges } = packed(vectors, GAP);
  const output = gpu.output(values);
  const read = async () => {
    const found = await gpu.read(output);
    return vectors.map((_, index) => {
      const own = found.subarray(index * stride, (index + 1) * stride);
      expect([...own.subarray(length)].every((value) => value === GAP)).toBe(true);
      return own.slice(0, length);
    });
  };
  return { ranges: ranges(output.buffer), read };
}
