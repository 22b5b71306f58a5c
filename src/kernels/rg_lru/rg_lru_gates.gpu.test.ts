import fc from 'fast-check';
import { it } from 'vitest';
import { sigmoid } from '../../reference/sigmoid.ts';
import { softplus } from '../../reference/softplus.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { RG_LRU_SHAPES, rgLruWeights } from '../../testing/kernels/rg-lru-cases.ts';
import type { RgLruDims } from './rg-lru-shape.ts';
import { rgLruGates, rgLruGatesKernel } from './rg_lru_gates.ts';

// Sums of some hundred products, and then exp of up to 8 times as much.
const CLOSE = { ofLargest: 1e-5, rel: 4e-5, abs: 2e-7 };

describeGpu(rgLruGatesKernel, (gpu) => {
  async function expectReference(
    x: Float32Array,
    weights: ReturnType<typeof rgLruWeights>,
    dims: RgLruDims,
    position: number,
  ) {
    const { width: w, heads } = dims;
    const D = w / heads;
    const { gates, vectors } = weights;
    const out = { decays: gpu().output(x.length), inputs: gpu().output(x.length) };
    const buffers = { v: gpu().input(x), gates: gpu().input(gates), vectors: gpu().input(vectors), ...out };
    await gpu().run(rgLruGates(gpu().features, 'test', buffers, dims), { tokens: x.length / w, position });
    const expected = { decays: new Float64Array(x.length), inputs: new Float64Array(x.length) };
    for (let index = 0; index < x.length; index++) {
      const [t, c] = [Math.floor(index / w), index % w];
      const head = Math.floor(c / D);
      const gate = (which: number) => {
        let sum = vectors[which * w + c]!;
        for (let i = 0; i < D; i++)
          sum += x[t * w + head * D + i]! * gates[((which * heads + head) * D + i) * D + (c % D)]!;
        return sigmoid(sum);
      };
      const log = -8 * gate(1) * softplus(vectors[2 * w + c]!);
      const input = gate(0) * x[index]!;
      const isFirst = position + t === 0;
      expected.decays[index] = isFirst ? 0 : Math.exp(log);
      expected.inputs[index] = isFirst ? input : Math.sqrt(-Math.expm1(2 * log)) * input;
    }
    expectClose(await gpu().read(out.decays), expected.decays, CLOSE, 'decays');
    expectClose(await gpu().read(out.inputs), expected.inputs, CLOSE, 'inputs');
  }

  it('is the reference for any length and position', async () => {
    const shapes = fc.constantFrom(...RG_LRU_SHAPES);
    await fc.assert(
      fc.asyncProperty(seeds(), sizes({ tile: 8, most: 31 }), shapes, fc.nat(2), async (seed, T, dims, position) => {
        await expectReference(randomTensor(seed, T * dims.width), rgLruWeights(seed + 1, dims), dims, position);
      }),
      { numRuns: 12 },
    );
  });

  it('loses no digits where a channel hardly decays, and none where it forgets all', async () => {
    const dims = RG_LRU_SHAPES[0]!;
    for (const parameter of [-14, -8, 3, 80]) {
      const weights = rgLruWeights(1, dims);
      weights.vectors.fill(parameter, 2 * dims.width);
      await expectReference(randomTensor(2, 9 * dims.width), weights, dims, 5);
    }
  });
});
