import fc from 'fast-check';
import { expect, it } from 'vitest';
import { slice } from '../../gpu/buffers.ts';
import { gatedDelta } from '../../reference/gated_delta.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { DELTA_SHAPES, deltaHeads, deltaInputs, deltaVectors } from '../../testing/kernels/delta-cases.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { deltaChunkCumsum } from './delta_chunk_cumsum.ts';
import { deltaChunkScan, deltaChunkScanKernel } from './delta_chunk_scan.ts';
import { deltaChunkSolve } from './delta_chunk_solve.ts';
import { deltaQkNorm } from './delta_qk_norm.ts';
import { DELTA_CHUNK as Q, type DeltaDims, deltaWidths } from './delta-shape.ts';

// The scan with the kernels that make its inputs, against the recurrence: a relative L2 error of 1e-5, and no element off by
// more than a triangular system of 32 rows in f32 leaves.
const CLOSE = { nmse: 1e-10, ofLargest: 3e-5 };

interface DeltaCase {
  /** (T, channels) */
  v: Float32Array;
  /** (T, projected), of which the gates alone are read */
  u: Float32Array;
  vectors: ReturnType<typeof deltaVectors>;
  ssm: Float32Array;
}

function deltaCase(seed: number, T: number, dims: DeltaDims): DeltaCase {
  const { channels, projected } = deltaWidths(dims);
  return {
    v: randomTensor(seed, T * channels),
    u: randomTensor(seed + 1, T * projected),
    vectors: deltaVectors(seed + 2, dims),
    ssm: randomTensor(seed + 9, dims.valueHeads * dims.keyDim * dims.valueDim),
  };
}

describeGpu(deltaChunkScanKernel, (gpu) => {
  async function run({ v, u, vectors, ssm }: DeltaCase, dims: DeltaDims) {
    const { valueHeads: H, keyDim, valueDim } = dims;
    const tokens = v.length / deltaWidths(dims).channels;
    const chunks = Math.ceil(tokens / Q);
    const state = gpu().output(ssm);
    const y = gpu().output(tokens * H * valueDim);
    const decays = gpu().output(chunks * H * Q * 4);
    const parts = {
      v: gpu().output(v),
      decays: slice(decays.buffer),
      w: gpu().output(tokens * H * keyDim),
      fresh: gpu().output(tokens * H * valueDim),
      scores: gpu().output(chunks * H * Q * Q),
    };
    const { features } = gpu();
    const steps = { u: gpu().input(u), heads: gpu().input(deltaHeads(vectors)), decays };
    await gpu().run(
      [
        deltaQkNorm(features, 'test', { v: parts.v }, dims),
        deltaChunkCumsum(features, 'test', steps, dims),
        deltaChunkSolve(features, 'test', parts, dims),
        deltaChunkScan(features, 'test', { ...parts, ssm_state: state, y }, dims),
      ],
      { tokens },
    );
    return { y: await gpu().read(y), state: await gpu().read(state) };
  }

  async function expectReference(delta: DeltaCase, dims: DeltaDims): Promise<void> {
    const actual = await run(delta, dims);
    const expected = gatedDelta(deltaInputs(delta.v, delta.u, delta.vectors, dims), delta.ssm, dims);
    expectClose(actual.y, expected.o, CLOSE, 'y');
    expectClose(actual.state, expected.state, CLOSE, 'state');
  }

  it.each(DELTA_SHAPES)(
    'is the recurrence for any length, from any state, for keys of $keyDim and values of $valueDim',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), sizes({ tile: Q, most: 97 }), async (seed, T) => {
          await expectReference(deltaCase(seed, T, dims), dims);
        }),
        { numRuns: 5 },
      );
    },
  );

  it('goes on from the state of a part as the whole does, wherever it is split, and token by token', async () => {
    const dims = DELTA_SHAPES[1]!;
    const { channels, projected } = deltaWidths(dims);
    const [T, O] = [70, dims.valueHeads * dims.valueDim];
    const delta = deltaCase(1, T, dims);
    const whole = await run(delta, dims);
    const inParts = async (splits: readonly number[]) => {
      const y: number[] = [];
      let { ssm } = delta;
      for (const [index, begin] of splits.entries()) {
        const end = splits[index + 1] ?? T;
        const v = delta.v.slice(begin * channels, end * channels);
        const u = delta.u.slice(begin * projected, end * projected);
        const result = await run({ ...delta, v, u, ssm }, dims);
        y.push(...result.y);
        ssm = result.state.slice();
      }
      return { y, ssm };
    };
    for (const splits of [[0, 1], [0, Q - 1], [0, Q], [0, Q + 1], Array.from({ length: T }, (_, t) => t)]) {
      const parts = await inParts(splits);
      expect(parts.y).toHaveLength(T * O);
      expectClose(parts.y, whole.y, CLOSE, `y, split at ${splits.slice(0, 2).join()}`);
      expectClose(parts.ssm, whole.state, CLOSE, 'state');
    }
  });

  it('does not let later tokens change earlier ones', async () => {
    const dims = DELTA_SHAPES[0]!;
    const { channels, projected } = deltaWidths(dims);
    const O = dims.valueHeads * dims.valueDim;
    const delta = deltaCase(2, 50, dims);
    const before = await run(delta, dims);
    delta.v.fill(100, 45 * channels);
    delta.u.fill(5, 45 * projected);
    const after = await run(delta, dims);
    expect(after.y.subarray(0, 45 * O)).toEqual(before.y.subarray(0, 45 * O));
    expect(after.y.subarray(45 * O)).not.toEqual(before.y.subarray(45 * O));
  });

  it('holds where a head forgets all at once, where it forgets nothing, and for large and small values', async () => {
    const dims = DELTA_SHAPES[0]!;
    const strong = deltaCase(3, 40, dims);
    strong.vectors.a.fill(-1e3);
    strong.u = strong.u.map((value, index) => (index % 7 === 0 ? 10 : value - 9));
    await expectReference(strong, dims);
    const lasting = deltaCase(4, 90, dims);
    lasting.vectors.a.fill(-1e-6);
    await expectReference(lasting, dims);
    for (const scale of [1e-10, 1e8]) {
      const scaled = deltaCase(5, 40, dims);
      const { keys, channels } = deltaWidths(dims);
      scaled.v = scaled.v.map((value, index) => (index % channels < 2 * keys ? value : value * scale));
      scaled.ssm = scaled.ssm.map((value) => value * scale);
      await expectReference(scaled, dims);
    }
  });
});
