import { expect, it } from 'vitest';
import { matvec } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { gatedScan, MAMBA1_SHAPES, scanVectors } from '../../testing/kernels/mamba1-cases.ts';
import { type Mamba1Dims, type Mamba1Norm, mamba1Widths } from './mamba1-shape.ts';
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
      w: randomTensor(seed, mamba1Widths(dims).selected, 3),
      normWeight: randomTensor(seed + 9, mamba1Widths(dims).selected),
      x: randomTensor(seed + 1, I),
      z: randomTensor(seed + 2, I),
      vectors: scanVectors(seed + 3, dims),
      ssm: randomTensor(seed + 7, I * N),
    };
  }
  type TokenCase = ReturnType<typeof tokenCase>;

  async function run(
    { w, normWeight, x, z, vectors, ssm }: TokenCase,
    weights: TestMatrix,
    dims: Mamba1Dims,
    { norm = 'plain', halted = false }: { norm?: Mamba1Norm; halted?: boolean } = {},
  ) {
    const v = gpu().output(x);
    const state = gpu().output(ssm);
    const buffers = {
      w: gpu().input(w),
      weights,
      norm_weight: gpu().input(norm === 'weighted' ? normWeight : normWeight.map(() => NaN)),
      u: gpu().input(Float32Array.of(...new Float32Array(x.length).fill(NaN), ...z)),
      heads: gpu().input(Float32Array.of(...vectors.dtBias, ...vectors.d)),
      a: gpu().input(vectors.a),
      v,
      ssm_state: state,
    };
    const specs = rmsNormMatvecSelectiveScanGate(gpu().features, 'test', buffers, dims, { norm, eps: EPS });
    await gpu().run(specs, { tokens: 1, halted });
    return { y: await gpu().read(v), state: await gpu().read(state) };
  }

  async function expectReference(
    token: TokenCase,
    weights: TestMatrix,
    dims: Mamba1Dims,
    norm: Mamba1Norm = 'plain',
  ): Promise<void> {
    const { deltas, states } = mamba1Widths(dims);
    const part = (first: number, width: number, counted = width) => {
      const values = token.w.subarray(first, first + counted);
      const weight = token.normWeight.subarray(first, first + counted);
      const ones = new Float32Array(counted).fill(1);
      const normed = norm === 'none' ? values : rmsNorm(values, norm === 'weighted' ? weight : ones, EPS);
      return Float64Array.from({ length: width }, (_, i) => normed[i] ?? 0);
    };
    const dtRaw = matvec(weights.weights, part(0, deltas, norm === 'none' ? deltas : dims.dtRank));
    const tokens = { ...token, dtRaw, b: part(deltas, states), c: part(deltas + states, states) };
    const expected = gatedScan(tokens, token.vectors, token.ssm, dims.heads);
    const actual = await run(token, weights, dims, { norm });
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

  /** A matrix of dt_proj, zero where a rank is filled up. */
  const filled = (seed: number, { inner, dtRank, heads }: Mamba1Dims, deltas: number) =>
    randomTensor(seed, inner * deltas, 0.2).map((value, index) => {
      return (index % deltas) % (deltas / heads) < dtRank ? value : 0;
    });

  it.each<[Mamba1Norm, Mamba1Dims]>([
    ['weighted', MAMBA1_SHAPES[5]!],
    ['plain', MAMBA1_SHAPES[5]!],
    ['none', { inner: 24, stateSize: 8, dtRank: 6, heads: 2 }],
  ])('is the reference with norms of the kind %s and a rank that is no multiple of four', async (norm, dims) => {
    const { deltas } = mamba1Widths(dims);
    const values = filled(5, dims, deltas);
    await expectReference(tokenCase(6, dims), gpu().matrix('f32', values, deltas, [8]), dims, norm);
  });

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
    const { y, state } = await run(token, weights, dims, { halted: true });
    expect(y).toEqual(token.x);
    expect(state).toEqual(token.ssm);
  });
});
