import { expect, it } from 'vitest';
import { matvec } from '../reference/matvec.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES } from '../testing/kernels/device.ts';
import { matrixBytes, rowBytes, scaleBytesPerRow } from '../weights/layout.ts';
import { dequantizeMatrix } from '../weights/quantize.ts';
import {
  ceilingCopy,
  ceilingCopyKernel,
  ceilingDot,
  ceilingDotKernel,
  ceilingFma,
  ceilingFmaKernel,
  ceilingMatvec,
  ceilingMatvecKernel,
  fillRandom,
  fillRandomKernel,
  increment,
  incrementKernel,
  WORKGROUP,
} from './kernels.ts';
import { STORED_RMS } from './synthetic-weights.ts';

// Kernels that show what an adapter does at best have to do it, or the ceiling would be one of leaving work out.

const CHAINS = 8;

describeGpu(fillRandomKernel, (gpu) => {
  it.each(SCHEMES)('fills a matrix of %s with weights of the promised size, and its scales', async (scheme) => {
    const [rows, columns] = [48, 96];
    const target = gpu().output(matrixBytes(scheme, rows, columns) / 4);
    const data = { ...target, size: target.length * 4 };
    const weightBytes = rows * rowBytes(scheme, columns);
    const scaleBytes = scaleBytesPerRow(scheme, columns);
    await gpu().run(fillRandom(data, scheme, { weightBytes, scaleBytes, scale: 0.125, seed: 3 }), { tokens: 1 });
    const bytes = new Uint8Array((await gpu().read(target)).slice().buffer);
    const weights = dequantizeMatrix(scheme, bytes, rows, columns);
    expect(weights.every((weight) => Number.isFinite(weight))).toBe(true);
    const rms = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0) / weights.length);
    expect(rms / 0.125 / STORED_RMS[scheme]).toBeGreaterThan(0.9);
    expect(rms / 0.125 / STORED_RMS[scheme]).toBeLessThan(1.1);
    expect(new Set(weights).size).toBeGreaterThan(100);
  });
});

describeGpu(ceilingMatvecKernel, (gpu) => {
  it('is a matvec', async () => {
    const [rows, columns] = [12, 2304];
    const stored = Int8Array.from(randomTensor(1, rows * columns, 127));
    const x = randomTensor(2, columns);
    const y = gpu().output(rows);
    const buffers = { x: gpu().input(x), weights: gpu().input(new Uint8Array(stored.buffer)), y };
    await gpu().run(ceilingMatvec(gpu().features, buffers, { rows, columns }), { tokens: 1 });
    expectClose(await gpu().read(y), matvec(Float32Array.from(stored), x), { nmse: 1e-10 });
  });
});

describeGpu(ceilingCopyKernel, (gpu) => {
  it('copies', async () => {
    const x = randomTensor(1, 4 * 300);
    const y = gpu().output(x.length);
    await gpu().run(ceilingCopy(gpu().input(x), { ...y, size: x.length * 4 }), { tokens: 1 });
    expect(await gpu().read(y)).toEqual(x);
  });
});

describeGpu(ceilingFmaKernel, (gpu) => {
  it('does every multiply-add', async () => {
    const y = gpu().output(WORKGROUP);
    await gpu().run(ceilingFma(y, { workgroups: 1, rounds: 5, f16: false }), { tokens: 1 });
    const expected = Array.from({ length: WORKGROUP }, (_, invocation) => {
      let sum = 0;
      for (let chain = 0; chain < CHAINS; chain++) {
        let value = invocation + chain;
        for (let round = 0; round < 5; round++) value = value * 0.75 + 0.25;
        sum += 4 * value;
      }
      return sum;
    });
    expectClose(await gpu().read(y), Float32Array.from(expected), { nmse: 1e-10 });
  });
});

describeGpu(ceilingDotKernel, (gpu) => {
  it('does every dot product', async () => {
    const y = gpu().output(WORKGROUP);
    const spec = ceilingDot(gpu().features, y, { workgroups: 1, rounds: 4 });
    await gpu().run(spec, { tokens: 1 });
    const signed = (word: number) => Int8Array.of(word, word >> 8, word >> 16, word >> 24);
    const factor = signed(spec.params!['factor']!);
    const expected = Int32Array.from({ length: WORKGROUP }, (_, invocation) => {
      let total = 0;
      for (let chain = 0; chain < CHAINS; chain++) {
        let sum = invocation + chain;
        for (let round = 0; round < 4; round++) {
          sum = (signed(sum).reduce((dot, byte, index) => dot + byte * factor[index]!, 0) + sum) | 0;
        }
        total = (total + sum) | 0;
      }
      return total;
    });
    const bits = new Int32Array((await gpu().read(y)).slice().buffer);
    expect(bits).toEqual(expected);
  });
});

describeGpu(incrementKernel, (gpu) => {
  it('counts its dispatches', async () => {
    const y = gpu().output(new Float32Array(64));
    await gpu().run([increment(y), increment(y), increment(y)], { tokens: 1 });
    expect(new Uint32Array((await gpu().read(y)).slice().buffer)).toEqual(new Uint32Array(64).fill(3));
  });
});
