import fc from 'fast-check';
import { expect, it } from 'vitest';
import { convColumns } from '../../reference/conv1d.ts';
import { toNorm } from '../../reference/to_norm.ts';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import {
  columnsOf,
  MAMBA2_SHAPES,
  mixerReference,
  mixerState,
  type MixerState,
  type MixerVectors,
  mixerVectors,
} from '../../testing/kernels/mamba2-cases.ts';
import { scanSpecs } from '../../testing/kernels/mamba2-scan.ts';
import { conv1dPrefill } from './conv1d_prefill.ts';
import {
  conv1dSelectiveStateUpdateGateToNorm,
  conv1dSelectiveStateUpdateGateToNormKernel,
  gatedSquares,
} from './conv1d_selective_state_update_gate_to_norm.ts';
import { slotOutputs } from '../../testing/kernels/slot-ranges.ts';
import { slotsDispatch } from '../shared/slots.ts';
import { type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';

// One step: a relative L2 error of 1e-5 is far above what the exponentials of dt * a and of silu leave.
const CLOSE = { nmse: 1e-10, ofLargest: 1e-5 };
/** Squares have twice the relative error. */
const CLOSE_SQUARES = { nmse: 4e-10, ofLargest: 2e-5 };

const normWeightOf = (dims: Mamba2Dims) => randomTensor(77, mamba2Widths(dims).inner);

/**
 * Gated outputs (T, I) on their way into the norm, and the squares of what it norms, y before its gate or behind it, summed
 * over `rows` rows of a head at a time.
 */
function toNormReference({ gated, y }: { gated: Float64Array; y: Float64Array }, dims: Mamba2Dims, rows: number) {
  const normWeight = normWeightOf(dims);
  const [g, squares]: [number[], number[]] = [[], []];
  for (let at = 0; at < gated.length; at += dims.headDim) {
    const channel = at % normWeight.length;
    const weight = normWeight.subarray(channel, channel + dims.headDim);
    const head = (values: Float64Array) => toNorm(values.subarray(at, at + dims.headDim), weight, rows);
    g.push(...head(gated).h);
    squares.push(...head(dims.gateLast ? y : gated).squares);
  }
  return { g, squares };
}

describeGpu(conv1dSelectiveStateUpdateGateToNormKernel, (gpu) => {
  /** Tokens u (T, projected) one after the other from `position` on. */
  async function decode(
    u: Float32Array,
    vectors: MixerVectors,
    state: MixerState,
    dims: Mamba2Dims,
    position: number,
    halted = false,
  ) {
    const { inner, projected } = mamba2Widths(dims);
    const conv = gpu().output(state.conv);
    const ssm = gpu().output(state.ssm);
    const parameters = {
      conv_weight: gpu().input(vectors.convWeight),
      conv_bias: gpu().input(vectors.convBias),
      heads: gpu().input([...vectors.dtBias, ...vectors.a, ...vectors.d]),
      norm_weight: gpu().input(normWeightOf(dims)),
    };
    const g: number[] = [];
    const rest: number[] = [];
    const squares: number[] = [];
    let rows = 0;
    for (let t = 0; t < u.length / projected; t++) {
      const row = gpu().output(u.subarray(t * projected, (t + 1) * projected));
      const sums = gpu().output(gatedSquares(dims));
      const buffers = { ...parameters, u: row, conv_state: conv, ssm_state: ssm, squares: sums };
      const spec = conv1dSelectiveStateUpdateGateToNorm(gpu().features, 'test', buffers, dims);
      await gpu().run(spec, { tokens: 1, position: position + t, halted });
      const written = await gpu().read(row);
      g.push(...written.subarray(0, inner));
      rest.push(...written.subarray(inner));
      squares.push(...(await gpu().read(sums)));
      rows = spec.constants!['PT']!;
    }
    return { g, rest, squares, rows, conv: await gpu().read(conv), ssm: await gpu().read(ssm) };
  }

  async function expectReference(
    u: Float32Array,
    vectors: MixerVectors,
    state: MixerState,
    dims: Mamba2Dims,
    position: number,
  ): Promise<void> {
    const { inner, projected } = mamba2Widths(dims);
    const end = position + u.length / projected;
    const actual = await decode(u, vectors, state, dims, position);
    const expected = mixerReference(u, vectors, state, dims, position);
    const goingToNorm = toNormReference(expected, dims, actual.rows);
    expectClose(actual.g, goingToNorm.g, CLOSE, 'gated y');
    expectClose(actual.squares, goingToNorm.squares, CLOSE_SQUARES, 'squares');
    expectClose(actual.ssm, expected.ssm, CLOSE, 'state');
    expect(convColumns(actual.conv, end)).toEqual(convColumns(expected.conv, end));
    // All but z stays as it was.
    expect(Float32Array.from(actual.rest)).toEqual(columnsOf(u, projected, inner, projected - inner));
  }

  it.each(MAMBA2_SHAPES)(
    'is the reference for any state and position, for H $heads, P $headDim, N $stateSize, G $groups',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), fc.integer({ min: 1, max: 6 }), fc.nat(9), async (seed, T, position) => {
          const u = randomTensor(seed, T * mamba2Widths(dims).projected);
          await expectReference(u, mixerVectors(seed + 1, dims), mixerState(dims, seed + 9), dims, position);
        }),
        { numRuns: 5 },
      );
    },
  );

  it("is the reference at Bamba-9B's shape", async () => {
    const dims = { ...MAMBA2_SHAPES[0]!, heads: 128 };
    const u = randomTensor(1, 2 * mamba2Widths(dims).projected);
    await expectReference(u, mixerVectors(2, dims), mixerState(dims), dims, 0);
  });

  it('gives what prefill gives, output and final state, wherever prefill hands over', async () => {
    const dims = MAMBA2_SHAPES[1]!;
    const { inner, channels, projected } = mamba2Widths(dims);
    const T = 70;
    const u = randomTensor(3, T * projected);
    const vectors = mixerVectors(4, dims);
    const start = mixerState(dims);
    const prefill = async (tokens: number) => {
      const v = gpu().output(tokens * channels);
      const y = gpu().output(tokens * inner);
      const conv = gpu().output(start.conv);
      const ssm = gpu().output(start.ssm);
      const input = gpu().input(u.slice(0, tokens * projected));
      const [weight, bias] = [gpu().input(vectors.convWeight), gpu().input(vectors.convBias)];
      const place = { channels, stride: projected, offset: inner };
      const specs = [
        conv1dPrefill(gpu().features, 'test', { u: input, weight, bias, v, state: conv }, place),
        ...scanSpecs(gpu(), { v, u: input, ssm_state: ssm, y }, vectors, tokens, dims),
      ];
      await gpu().run(specs, { tokens });
      return { y: await gpu().read(y), state: { conv: await gpu().read(conv), ssm: await gpu().read(ssm) } };
    };
    const expected = mixerReference(u, vectors, start, dims, 0);
    const whole = await prefill(T);
    expectClose(whole.y, expected.y, CLOSE, 'y of prefill');
    for (const split of [0, 1, 2, 3, 4, 63, 64, 65]) {
      const state = split === 0 ? start : (await prefill(split)).state;
      const decoded = await decode(u.slice(split * projected), vectors, state, dims, split);
      const rest = { gated: expected.gated.subarray(split * inner), y: expected.y.subarray(split * inner) };
      const goingToNorm = toNormReference(rest, dims, decoded.rows);
      expectClose(decoded.g, goingToNorm.g, CLOSE, `gated y from ${split} on`);
      expectClose(decoded.squares, goingToNorm.squares, CLOSE_SQUARES, `squares from ${split} on`);
      expectClose(decoded.ssm, whole.state.ssm, CLOSE, `state, decoded from ${split} on`);
      expect(convColumns(decoded.conv, T)).toEqual(convColumns(whole.state.conv, T));
    }
  });

  it('moves nothing while halted', async () => {
    const dims = MAMBA2_SHAPES[1]!;
    const { inner, projected } = mamba2Widths(dims);
    const u = randomTensor(5, projected);
    const state = mixerState(dims, 6);
    const after = await decode(u, mixerVectors(7, dims), state, dims, 3, true);
    expect(after.ssm).toEqual(state.ssm);
    expect(after.conv).toEqual(state.conv);
    expect(Float32Array.from(after.g)).toEqual(u.subarray(0, inner));
    expect(new Set(after.squares)).toHaveProperty('size', 1); // what the output held before
  });

  it('norms y before its gate, where the gate stands behind the norm', async () => {
    const dims = { ...MAMBA2_SHAPES[4]!, gateLast: true };
    const u = randomTensor(21, 3 * mamba2Widths(dims).projected);
    await expectReference(u, mixerVectors(22, dims), mixerState(dims, 23), dims, 2);
  });

  it('keeps dt within its limits', async () => {
    for (const [dtLo, dtHi] of [
      [0.05, 0.1],
      [0.5, 3e38],
      [0, 0.2],
    ] as const) {
      const dims = { ...MAMBA2_SHAPES[3]!, dtLo, dtHi };
      const u = randomTensor(8, 3 * mamba2Widths(dims).projected, 5);
      await expectReference(u, mixerVectors(9, dims), mixerState(dims, 10), dims, 0);
    }
  });

  it('forgets at dt * a = -1e4, keeps its state at dt = 0, and holds at large magnitudes', async () => {
    const dims = MAMBA2_SHAPES[1]!;
    const { projected } = mamba2Widths(dims);
    for (const [raw, a] of [
      [10, -1e3],
      [-1e4, -1],
    ] as const) {
      const u = randomTensor(11, 2 * projected).map((value, i) =>
        i % projected >= projected - dims.heads ? raw : value,
      );
      const vectors = { ...mixerVectors(12, dims), a: new Float32Array(dims.heads).fill(a) };
      vectors.dtBias.fill(0);
      const state = mixerState(dims, 13);
      await expectReference(u, vectors, state, dims, 0);
      if (raw < 0) expect((await decode(u, vectors, state, dims, 0)).ssm).toEqual(state.ssm);
    }
    // The squares come to some 1e30, which f32 still holds.
    const u = randomTensor(14, 2 * projected, 1e3);
    await expectReference(u, mixerVectors(15, dims), mixerState(dims, 16), dims, 0);
  });

  it('moves several sequences at once as each alone, and leaves those alone that have ended', async () => {
    const dims = MAMBA2_SHAPES[0]!;
    const { inner, projected } = mamba2Widths(dims);
    const vectors = mixerVectors(5, dims);
    const positions = [3, 0, 6, 9];
    const halted = positions.map((position) => position === 6);
    const states = positions.map((_, index) => mixerState(dims, 40 + index));
    const tokens = positions.map((_, index) => randomTensor(60 + index, projected));
    const u = slotOutputs(gpu(), tokens);
    const conv = slotOutputs(
      gpu(),
      states.map((state) => Float32Array.from(state.conv)),
    );
    const ssm = slotOutputs(
      gpu(),
      states.map((state) => Float32Array.from(state.ssm)),
    );
    const squares = slotOutputs(
      gpu(),
      positions.map(() => new Float32Array(gatedSquares(dims))),
    );
    const shared = {
      conv_weight: gpu().input(vectors.convWeight),
      conv_bias: gpu().input(vectors.convBias),
      heads: gpu().input([...vectors.dtBias, ...vectors.a, ...vectors.d]),
      norm_weight: gpu().input(normWeightOf(dims)),
    };
    const specs = positions.map((_, index) => {
      const own = { u, conv_state: conv, ssm_state: ssm, squares };
      const ranges = Object.fromEntries(Object.entries(own).map(([name, { ranges: all }]) => [name, all[index]!]));
      const buffers = { ...shared, ...ranges } as Parameters<typeof conv1dSelectiveStateUpdateGateToNorm>[2];
      return conv1dSelectiveStateUpdateGateToNorm(gpu().features, 'test', buffers, dims);
    });
    await gpu().run(
      slotsDispatch(specs)!,
      positions.map((position, index) => ({ tokens: 1, position, halted: halted[index]! })),
    );
    const found = { u: await u.read(), conv: await conv.read(), ssm: await ssm.read(), squares: await squares.read() };
    expect(found.u.every((values) => values.every(Number.isFinite))).toBe(true);
    for (const [index, position] of positions.entries()) {
      const alone = await decode(tokens[index]!, vectors, states[index]!, dims, position, halted[index]);
      expect(found.conv[index]).toEqual(alone.conv);
      expect(found.ssm[index]).toEqual(alone.ssm);
      expect(found.u[index]).toEqual(Float32Array.from([...alone.g, ...alone.rest]));
      if (!halted[index]) expect(found.squares[index]).toEqual(Float32Array.from(alone.squares));
      if (halted[index]) expect(found.u[index]!.subarray(0, inner)).toEqual(tokens[index]!.subarray(0, inner));
    }
  });
});
