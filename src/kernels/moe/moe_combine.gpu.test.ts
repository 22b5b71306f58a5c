import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../../reference/add.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { moeCombine, moeCombineKernel } from './moe_combine.ts';

describeGpu(moeCombineKernel, (gpu) => {
  it('adds the weighted outputs, or sets them, of every token for any width and number of experts', async () => {
    const shape = [
      sizes({ tile: 64, most: 129 }),
      fc.constantFrom(1, 2, 6, 10),
      fc.constantFrom(1, 2, 5),
      fc.constantFrom('add', 'set'),
    ] as const;
    await fc.assert(
      fc.asyncProperty(seeds(), ...shape, async (seed, columns4, topK, tokens, action) => {
        const columns = 4 * columns4;
        const y = randomTensor(seed, tokens * topK * columns);
        const shares = randomTensor(seed + 1, tokens * topK);
        const before = randomTensor(seed + 2, tokens * columns);
        const x = gpu().output(before);
        const buffers = { y: gpu().input(y), shares: gpu().input(shares), x };
        await gpu().run(moeCombine(gpu().features, 'test', buffers, { columns, topK, action }), { tokens });
        const sums = (values: Float32Array, weights: Float32Array) =>
          Float64Array.from({ length: tokens * columns }, (_, i) => {
            const first = Math.floor(i / columns) * topK;
            let sum = 0;
            for (let k = first; k < first + topK; k++) sum += weights[k]! * values[k * columns + (i % columns)]!;
            return sum;
          });
        const kept = action === 'add' ? before : new Float32Array(before.length);
        const most = add(kept.map(Math.abs), sums(y.map(Math.abs), shares.map(Math.abs)));
        const abs = most.map((value) => value * sumBound(topK));
        expectClose(await gpu().read(x), add(kept, sums(y, shares)), { abs });
      }),
      { numRuns: 20 },
    );
  });
});
