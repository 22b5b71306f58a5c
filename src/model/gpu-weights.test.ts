import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import { SCHEMES } from '../weights/manifest.ts';
import { planTensors, streamBytes } from '../weights/package-writer.ts';
import { dequantizeMatrix, quantizeRows } from '../weights/quantize.ts';
import type { TensorSpec } from '../weights/types.ts';
import { placeTensors } from './placed-weights.ts';

const matrix = (name: string, rows: number, columns: number): TensorSpec => ({
  name,
  shape: [rows, columns],
  kind: 'matrix',
  sources: [],
  arrange: 'stack',
});
const plain = (name: string, length: number): TensorSpec => ({
  name,
  shape: [length],
  kind: 'plain',
  sources: [],
  arrange: 'stack',
});

describe('placeTensors', () => {
  it.each(SCHEMES)('cuts a matrix of %s by rows into parts that are matrices of their own', (scheme) => {
    const shapes = fc.record({ rows: fc.integer({ min: 1, max: 60 }), columns4: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 12 }), ({ rows, columns4 }, quads) => {
        const columns = columns4 * 4;
        const entries = planTensors([plain('norm', 5), matrix('x', rows, columns), plain('bias', 3)], scheme);
        const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * 12.9898));
        const { bytes, scales } = quantizeRows(scheme, values, columns, { name: 'x' });
        const entry = entries[1]!;
        const stream = new Uint8Array(streamBytes(entries));
        stream.set(bytes, entry.offset);
        stream.set(scales, entry.offset + bytes.length);
        const most = Math.ceil(((bytes.length + scales.length) / rows) * 4 * (quads + 1)) + 16;
        const { buffers, copies, tensors } = placeTensors(entries, {
          maxBufferSize: 2 * most + 64,
          maxStorageBufferBindingSize: most,
        });
        const memory = buffers.map((size) => new Uint8Array(size));
        for (const { begin, end, buffer, offset } of copies) {
          expect([begin % 4, end % 4, offset % 4]).toEqual([0, 0, 0]);
          memory[buffer]!.set(stream.subarray(begin, end), offset);
        }
        const whole = dequantizeMatrix(scheme, stream.slice(entry.offset, entry.offset + entry.bytes), rows, columns);
        let next = 0;
        for (const part of tensors.get('x')!.parts) {
          expect(part.firstRow).toBe(next);
          expect(part.offset % 256).toBe(0);
          expect(part.bytes).toBeLessThanOrEqual(most);
          const stored = memory[part.buffer]!.subarray(part.offset, part.offset + part.bytes);
          next += part.rows;
          expect(dequantizeMatrix(scheme, stored, part.rows, columns)).toEqual(
            whole.subarray(part.firstRow * columns, next * columns),
          );
        }
        expect(next).toBe(rows);
      }),
    );
  });

  it('refuses a tensor of which not even four rows can be bound', () => {
    const limits = { maxBufferSize: 1 << 20, maxStorageBufferBindingSize: 1 << 10 };
    for (const spec of [matrix('wide', 4, 4096), plain('long', 4096)]) {
      expect(() => placeTensors(planTensors([spec], 'int4'), limits)).toThrow(BambaError);
    }
  });
});
