import fc from 'fast-check';
import { it } from 'vitest';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { MAMBA2_SHAPES, mixerState, mixerVectors, scanReference } from '../../testing/kernels/mamba2-cases.ts';
import { CHUNK_TOKENS as Q, type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';
import { ssdChunkCumsum } from './ssd_chunk_cumsum.ts';
import { ssdStatePassing, ssdStatePassingKernel } from './ssd_state_passing.ts';

const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };

describeGpu(ssdStatePassingKernel, (gpu) => {
  async function expectReference(seed: number, T: number, dims: Mamba2Dims): Promise<void> {
    const { inner, channels, projected } = mamba2Widths(dims);
    const { heads, stateSize } = dims;
    const v = randomTensor(seed, T * channels);
    const dtRaw = randomTensor(seed + 1, T * heads);
    const vectors = mixerVectors(seed + 2, dims);
    const { ssm } = mixerState(dims, seed + 9);
    const u = new Float32Array(T * projected);
    for (let t = 0; t < T; t++) u.set(dtRaw.subarray(t * heads, (t + 1) * heads), t * projected + inner + channels);
    const chunks = Math.ceil(T / Q);
    const decays = gpu().output(chunks * heads * Q * 4);
    const states = gpu().output(chunks * inner * stateSize);
    const state = gpu().output(ssm);
    const { features } = gpu();
    const steps = { u: gpu().input(u), dt_bias: gpu().input(vectors.dtBias), a: gpu().input(vectors.a), decays };
    const specs = [
      ssdChunkCumsum(features, 'test', steps, dims),
      ssdStatePassing(features, 'test', { v: gpu().input(v), decays, ssm_state: state, states }, dims),
    ];
    await gpu().run(specs, { tokens: T });
    const entering = await gpu().read(states);
    for (let chunk = 0; chunk <= chunks; chunk++) {
      const before = Math.min(chunk * Q, T);
      const expected = scanReference(
        v.subarray(0, before * channels),
        dtRaw.subarray(0, before * heads),
        vectors,
        ssm,
        dims,
      ).state;
      const size = inner * stateSize;
      const actual = chunk < chunks ? entering.subarray(chunk * size, (chunk + 1) * size) : await gpu().read(state);
      expectClose(actual, expected, CLOSE, chunk < chunks ? `state before chunk ${chunk}` : 'final state');
    }
  }

  it.each(MAMBA2_SHAPES)(
    'passes on the states of the recurrence, for H $heads, P $headDim, N $stateSize, G $groups',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), sizes({ tile: Q, most: 2 * Q + 1 }), async (seed, T) => {
          await expectReference(seed, T, dims);
        }),
        { numRuns: 3 },
      );
    },
  );
});
