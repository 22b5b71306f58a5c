import { expect, it } from 'vitest';
import { matvec } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/device.ts';
import { gatedScan, MAMBA1_SHAPES, scanVectors } from '../../testing/mamba1-cases.ts';
import { type Mamba1Dims, selectedWidth } from './mamba1-shape.ts';
import {
  rmsNormMatvecSelectiveScanGate,
  rmsNormMatvecSelectiveScanGateKernel,
} from './rms_norm_matvec_selective_scan_gate.ts';

// As for the scan over many tokens.
const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };
const EPS = 1e-6;

describeGpu(rmsNormMatvecSelectiveScanGateKernel, (gpu) => {
  function tokenCase(seed: number, dims: Mamba1Dims) {
    const { inner: I, stateSize: N } = dims;
    return {
      w: randomTensor(seed, selectedWidth(dims), 3),
      x: randomTensor(seed + 1, I),
      z: randomTensor(seed + 2, I),
      vectors: scanVectors(seed + 3, dims),
      ssm: randomTensor(seed + 7, I * N),
    };
  }
  type TokenCase = ReturnType<typeof tokenCase>;

  async function run({ w, x, z, vectors, ssm }: TokenCase, weights: TestMatrix, dims: Mamba1Dims, halted = false) {
    const v = gpu().output(x);
    const state = gpu().output(ssm);
    const buffers = {
      w: gpu().input(w),
      weights,
      u: gpu().input(Float32Array.of(...new Float32Array(x.length).fill(NaN), ...z)),
      heads: gpu().input(Float32Array.of(...vectors.dtBias, ...vectors.d)),
      a: gpu().input(vectors.a),
      v,
      ssm_state: state,
    };
    const specs = rmsNormMatvecSelectiveScanGate(gpu().features, 'test', buffers, dims, { eps: EPS });
    await gpu().run(specs, { tokens: 1, halted });
    return { y: await gpu().read(v), state: await gpu().read(state) };
  }

  async function expectReference(token: TokenCase, weights: TestMatrix, dims: Mamba1Dims): Promise<void> {
    const { stateSize: N, dtRank: R } = dims;
    const part = (first: number, width: number) =>
      rmsNorm(token.w.subarray(first, first + width), new Float32Array(width).fill(1), EPS);
    const dtRaw = matvec(weights.weights, part(0, R));
    const expected = gatedScan({ ...token, dtRaw, b: part(R, N), c: part(R + N, N) }, token.vectors, token.ssm);
    const actual = await run(token, weights, dims);
    expectClose(actual.y, expected.y, CLOSE, 'y');
    expectClose(actual.state, expected.state, CLOSE, 'state');
  }

  // Few pipelines: each takes longer to compile than all its runs.
  it.each([MAMBA1_SHAPES[2]!, MAMBA1_SHAPES[4]!])(
    'is the reference for I $inner, N $stateSize, R $dtRank, also in parts',
    async (dims) => {
      const values = randomTensor(1, dims.inner * dims.dtRank, 0.2);
      for (const parts of [[], [4]]) {
        await expectReference(tokenCase(2, dims), gpu().matrix('f32', values, dims.dtRank, parts), dims);
      }
    },
  );

  it.each(SCHEMES)('is the reference with %s weights', async (scheme) => {
    const dims = MAMBA1_SHAPES[1]!;
    const values = randomTensor(3, dims.inner * dims.dtRank, 0.2);
    for (const seed of [10, 20]) {
      await expectReference(tokenCase(seed, dims), gpu().matrix(scheme, values, dims.dtRank, [8]), dims);
    }
  });

  it('holds at large magnitudes and at zeros', async () => {
    const dims = MAMBA1_SHAPES[0]!;
    const weights = gpu().matrix('f32', randomTensor(4, dims.inner * dims.dtRank), dims.dtRank);
    for (const scale of [0, 1e-8, 1e15]) {
      const token = tokenCase(30, dims);
      token.w = token.w.map((value) => value * scale);
      await expectReference(token, weights, dims);
    }
  });

  it('changes nothing after the answer has ended', async () => {
    const dims = MAMBA1_SHAPES[0]!;
    const weights = gpu().matrix('f32', randomTensor(4, dims.inner * dims.dtRank), dims.dtRank);
    const token = tokenCase(40, dims);
    const { y, state } = await run(token, weights, dims, true);
    expect(y).toEqual(token.x);
    expect(state).toEqual(token.ssm);
  });
});
