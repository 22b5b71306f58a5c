import fc from 'fast-check';
import { expect, it } from 'vitest';
import { convColumns } from '../../reference/conv1d.ts';
import { shortConv as reference } from '../../reference/short_conv.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { shortConv, shortConvKernel } from './short_conv.ts';

// Five terms of three factors each, in f32.
const CLOSE = { abs: 2e-6, rel: 2e-6, ofLargest: 2e-6 };
/** Of the state, a product of two sums. */
const STATE_CLOSE = { abs: 1e-6, rel: 4e-7 };

interface Weights {
  /** (C, K) */
  weight: Float32Array;
  /** (4, C) */
  biases: Float32Array;
}

describeGpu(shortConvKernel, (gpu) => {
  async function run(u: Float32Array, { weight, biases }: Weights, held: ArrayLike<number>, position: number) {
    const channels = biases.length / 4;
    const convWidth = weight.length / channels;
    const tokens = u.length / (3 * channels);
    const padded = Float32Array.from({ length: 4 * channels }, (_, i) =>
      i % 4 < convWidth ? weight[Math.floor(i / 4) * convWidth + (i % 4)]! : 0,
    );
    const v = gpu().output(tokens * channels);
    const state = gpu().output(held);
    const buffers = { u: gpu().input(u), weight: gpu().input(padded), biases: gpu().input(biases), v, state };
    await gpu().run(shortConv(gpu().features, 'test', buffers, { channels, convWidth }), { tokens, position });
    return { v: await gpu().read(v), state: await gpu().read(state) };
  }

  const weightsOf = (seed: number, channels: number, convWidth: number): Weights => ({
    weight: randomTensor(seed, channels * convWidth, 0.5),
    biases: randomTensor(seed + 1, 4 * channels, 0.2),
  });

  it('is the reference for any length, position and number of taps', async () => {
    const shapes = fc.tuple(sizes({ tile: 16, most: 67 }), sizes({ tile: 64, most: 65 }), fc.constantFrom(2, 3, 3, 4));
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, fc.nat(9), async (seed, [T, channels4, convWidth], position) => {
        const channels = 4 * channels4;
        const u = randomTensor(seed, 3 * T * channels);
        const weights = weightsOf(seed + 1, channels, convWidth);
        const held = randomTensor(seed + 3, 4 * channels);
        const actual = await run(u, weights, held, position);
        const expected = reference({ u, ...weights }, held, position);
        expectClose(actual.v, expected.v, CLOSE, 'v');
        const columns = (state: ArrayLike<number>) => convColumns(state, position + T);
        expectClose(columns(actual.state), columns(expected.state), STATE_CLOSE, 'state');
      }),
      { numRuns: 30 },
    );
  });

  it('gives the same, to the bit, wherever a prompt is split', async () => {
    const [T, channels] = [131, 8];
    const u = randomTensor(1, 3 * T * channels);
    const weights = weightsOf(2, channels, 3);
    const inParts = async (splits: readonly number[]) => {
      let state = new Float32Array(4 * channels);
      const v: number[] = [];
      for (const [index, begin] of splits.entries()) {
        const part = u.slice(3 * begin * channels, 3 * (splits[index + 1] ?? T) * channels);
        const result = await run(part, weights, state, begin);
        state = result.state.slice();
        v.push(...result.v);
      }
      return { v, columns: convColumns(state, T) };
    };
    const whole = await inParts([0]);
    for (const split of [1, 2, 3, 63, 64, 65, 130]) expect(await inParts([0, split])).toEqual(whole);
    expect(await inParts(Array.from({ length: T }, (_, t) => t))).toEqual(whole);
  });

  it('does not let later tokens change earlier ones', async () => {
    const channels = 8;
    const u = randomTensor(4, 3 * 40 * channels);
    const weights = weightsOf(5, channels, 3);
    const none = new Float32Array(4 * channels);
    const before = await run(u, weights, none, 0);
    u.fill(1e3, 3 * 33 * channels);
    const after = await run(u, weights, none, 0);
    expect(after.v.subarray(0, 33 * channels)).toEqual(before.v.subarray(0, 33 * channels));
    expect(after.v.subarray(33 * channels)).not.toEqual(before.v.subarray(33 * channels));
  });

  it('holds at large magnitudes and at zeros', async () => {
    for (const scale of [0, 1e-8, 1e8]) {
      const channels = 32;
      const u = randomTensor(6, 3 * 9 * channels, scale);
      const weights = weightsOf(7, channels, 3);
      const none = new Float32Array(4 * channels);
      expectClose(
        (await run(u, weights, none, 0)).v,
        reference({ u, ...weights }, none, 0).v,
        { ofLargest: 2e-6 },
        `scale ${scale}`,
      );
    }
  });
});
