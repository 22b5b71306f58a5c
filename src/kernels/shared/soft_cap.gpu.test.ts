import { expect, it } from 'vitest';
import { softCap as reference } from '../../reference/soft_cap.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { softCap, softCapKernel } from './soft_cap.ts';

// WGSL lets tanh be off by what its formula of exponentials is: some 2^-20 near 1, and below 0.01 as much absolutely.
const CLOSE = { abs: 2 ** -18 };

describeGpu(softCapKernel, (gpu) => {
  it('is the reference for any width and number of rows, and touches no other rows', async () => {
    for (const [columns, tokens] of [
      [1, 1],
      [63, 3],
      [64, 1],
      [65, 2],
      [320, 5],
    ] as const) {
      const x = randomTensor(columns, (tokens + 1) * columns, 20);
      const y = gpu().output(x);
      await gpu().run(softCap(gpu().features, 'test', y, { columns, cap: 8 }), { tokens });
      const bounded = reference(Float64Array.from(x.subarray(0, tokens * columns)), 8);
      const actual = await gpu().read(y);
      expectClose(actual.subarray(0, tokens * columns), bounded, { abs: 8 * CLOSE.abs });
      expect(actual.subarray(tokens * columns)).toEqual(x.subarray(tokens * columns));
    }
  });

  it('takes one row where one is wanted, and holds far from zero', async () => {
    const x = Float32Array.of(0, 1e-6, 1, -1, 30, -30, 1e3, -1e3, 1e30, -1e30, 5, 6);
    const y = gpu().output(x);
    await gpu().run(softCap(gpu().features, 'test', y, { columns: 10, cap: 30, rows: 1 }), { tokens: 7 });
    const actual = await gpu().read(y);
    expectClose(actual.subarray(0, 10), reference(Float64Array.from(x.subarray(0, 10)), 30), { abs: 30 * CLOSE.abs });
    expect([...actual.subarray(10)]).toEqual([5, 6]);
  });
});
