import fc from 'fast-check';
import { expect, it } from 'vitest';
import { conv1d, convColumns } from '../../reference/conv1d.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, type Output } from '../../testing/kernels/device.ts';
import { conv1dPrefill, conv1dPrefillKernel } from './conv1d_prefill.ts';

// Five terms of some magnitude, and the exponential in silu: 3 + 2|x| ulp for |x| up to 10 or so.
const CLOSE = { abs: 2e-6, rel: 2e-6 };

describeGpu(conv1dPrefillKernel, (gpu) => {
  /** Channels [offset, offset + channels) of rows of u; state is moved on. */
  async function run(
    u: Float32Array,
    { weight, bias }: { weight: Float32Array; bias: Float32Array },
    state: Output,
    { position, offset, stride, silu }: { position: number; offset: number; stride: number; silu?: boolean },
  ): Promise<Float32Array> {
    const channels = bias.length;
    const tokens = u.length / stride;
    const v = gpu().output(tokens * channels);
    const buffers = { u: gpu().input(u), weight: gpu().input(weight), bias: gpu().input(bias), v, state };
    const spec = conv1dPrefill(gpu().features, 'test', buffers, {
      channels,
      stride,
      offset,
      ...(silu === undefined ? {} : { silu }),
    });
    await gpu().run(spec, { tokens, position });
    return gpu().read(v);
  }

  const vectors = (seed: number, channels: number) => ({
    weight: randomTensor(seed, channels * 4, 0.5),
    bias: randomTensor(seed + 1, channels, 0.2),
  });

  it('is the reference for any length, position and place in u', async () => {
    const places = fc.record({ before: fc.constantFrom(0, 4, 7), behind: fc.constantFrom(0, 3) });
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        sizes({ tile: 16, most: 97 }),
        sizes({ tile: 64, most: 129 }),
        fc.nat(9),
        places,
        async (seed, T, channels, position, { before, behind }) => {
          const stride = before + channels + behind;
          const u = randomTensor(seed, T * stride);
          const raw = u.filter((_, i) => i % stride >= before && i % stride < before + channels);
          const { weight, bias } = vectors(seed + 1, channels);
          const held = randomTensor(seed + 3, 4 * channels);
          const state = gpu().output(held);
          const v = await run(u, { weight, bias }, state, { position, offset: before, stride });
          const expected = conv1d(raw, weight, bias, held, position);
          expectClose(v, expected.v, CLOSE, 'v');
          const end = position + T;
          const actual = convColumns(await gpu().read(state), end);
          expect(actual).toEqual(convColumns(expected.state, end));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('gives the same, to the bit, wherever a prompt is split', async () => {
    const [T, channels] = [131, 5];
    const u = randomTensor(1, T * channels);
    const weights = vectors(2, channels);
    const inParts = async (splits: readonly number[]) => {
      const state = gpu().output(new Float32Array(4 * channels));
      const parts: Float32Array[] = [];
      for (const [index, begin] of splits.entries()) {
        const part = u.slice(begin * channels, (splits[index + 1] ?? T) * channels);
        parts.push(await run(part, weights, state, { position: begin, offset: 0, stride: channels }));
      }
      const columns = convColumns(await gpu().read(state), T);
      return { v: parts.flatMap((part) => [...part]), columns };
    };
    const whole = await inParts([0]);
    for (const split of [1, 2, 3, 63, 64, 65, 130]) expect(await inParts([0, split])).toEqual(whole);
    expect(await inParts(Array.from({ length: T }, (_, t) => t))).toEqual(whole);
  });

  it('does not let later tokens change earlier ones', async () => {
    const channels = 8;
    const u = randomTensor(4, 40 * channels);
    const weights = vectors(5, channels);
    const place = { position: 0, offset: 0, stride: channels };
    const before = await run(u, weights, gpu().output(new Float32Array(4 * channels)), place);
    u.fill(1e3, 33 * channels);
    const after = await run(u, weights, gpu().output(new Float32Array(4 * channels)), place);
    expect(after.subarray(0, 33 * channels)).toEqual(before.subarray(0, 33 * channels));
  });

  it('leaves sums as they are where there is no silu', async () => {
    const [T, channels] = [20, 8];
    const u = randomTensor(8, T * channels);
    const { weight, bias } = vectors(9, channels);
    const none = new Float32Array(4 * channels);
    const place = { position: 2, offset: 0, stride: channels, silu: false };
    const v = await run(u, { weight, bias }, gpu().output(none), place);
    expectClose(v, conv1d(u, weight, bias, none, 2, (value) => value).v, CLOSE, 'v');
  });

  it('holds at large magnitudes, on both sides of silu', async () => {
    for (const scale of [1e2, 1e4, 1e8]) {
      const channels = 32;
      const u = randomTensor(6, 9 * channels, scale);
      const { weight, bias } = vectors(7, channels);
      const state = gpu().output(new Float32Array(4 * channels));
      const v = await run(u, { weight, bias }, state, { position: 0, offset: 0, stride: channels });
      const expected = conv1d(u, weight, bias, new Float32Array(4 * channels), 0).v;
      expectClose(v, expected, { abs: 3e-6 * scale }, `scale ${scale}`);
    }
  });
});
