import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { beside, gatedScan, MAMBA1_SHAPES, type ScanVectors, scanVectors } from '../../testing/kernels/mamba1-cases.ts';
import type { Mamba1Dims } from './mamba1-shape.ts';
import { selectiveScanGate, selectiveScanGateKernel } from './selective_scan_gate.ts';

// The gate for f32 recurrences: a relative L2 error of 1e-5, and no element off by more than what products of some hundred
// decays leave, each good to 3 + 2|x| ulp.
const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };

interface ScanCase {
  x: Float32Array;
  dtRaw: Float32Array;
  z: Float32Array;
  b: Float32Array;
  c: Float32Array;
  vectors: ScanVectors;
  ssm: Float32Array;
}

function scanCase(seed: number, T: number, dims: Mamba1Dims): ScanCase {
  const { inner: I, stateSize: N, heads: M } = dims;
  return {
    x: randomTensor(seed, T * I),
    dtRaw: randomTensor(seed + 1, T * I),
    z: randomTensor(seed + 2, T * I),
    b: randomTensor(seed + 3, T * M * N),
    c: randomTensor(seed + 4, T * M * N),
    vectors: scanVectors(seed + 5, dims),
    ssm: randomTensor(seed + 9, I * N),
  };
}

describeGpu(selectiveScanGateKernel, (gpu) => {
  async function run({ x, dtRaw, z, b, c, vectors, ssm }: ScanCase, dims: Mamba1Dims) {
    const { inner: I, stateSize: N, heads: M } = dims;
    const v = gpu().output(x);
    const state = gpu().output(ssm);
    const unread = new Float32Array(z.length).fill(NaN);
    const buffers = {
      dt_raw: gpu().input(dtRaw),
      u: gpu().input(beside(unread, I, z, I)),
      bc: gpu().input(beside(b, M * N, c, M * N)),
      dt_bias: gpu().input(vectors.dtBias),
      a: gpu().input(vectors.a),
      d: gpu().input(vectors.d),
      v,
      ssm_state: state,
    };
    await gpu().run(selectiveScanGate(gpu().features, 'test', buffers, dims), { tokens: x.length / I });
    return { y: await gpu().read(v), state: await gpu().read(state) };
  }

  async function expectReference(scan: ScanCase, dims: Mamba1Dims): Promise<void> {
    const actual = await run(scan, dims);
    const expected = gatedScan(scan, scan.vectors, scan.ssm, dims.heads);
    expectClose(actual.y, expected.y, CLOSE, 'y');
    expectClose(actual.state, expected.state, CLOSE, 'state');
  }

  it.each(MAMBA1_SHAPES)(
    'is the recurrence for any length, from any state, for I $inner, N $stateSize',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), sizes({ tile: 16, most: 61 }), async (seed, T) => {
          await expectReference(scanCase(seed, T, dims), dims);
        }),
        { numRuns: 6 },
      );
    },
  );

  it('gives each of several heads its own b and c', async () => {
    const dims = { inner: 24, stateSize: 8, dtRank: 4, heads: 2 };
    for (const T of [1, 19]) await expectReference(scanCase(T, T, dims), dims);
  });

  it('gives the same, to the bit, wherever the tokens are split, and token by token', async () => {
    const dims = MAMBA1_SHAPES[0]!;
    const [T, I, N] = [40, dims.inner, dims.stateSize];
    const scan = scanCase(1, T, dims);
    const whole = await run(scan, dims);
    const inParts = async (splits: readonly number[]) => {
      const y: number[] = [];
      let ssm = scan.ssm;
      for (const [index, begin] of splits.entries()) {
        const end = splits[index + 1] ?? T;
        const rows = (values: Float32Array, width: number) => values.slice(begin * width, end * width);
        const { x, dtRaw, z, b, c } = scan;
        const part = { x: rows(x, I), dtRaw: rows(dtRaw, I), z: rows(z, I), b: rows(b, N), c: rows(c, N) };
        const result = await run({ ...scan, ...part, ssm }, dims);
        y.push(...result.y);
        ssm = result.state.slice();
      }
      return { y, state: ssm };
    };
    const expected = { y: [...whole.y], state: whole.state };
    for (const split of [1, 15, 16, 17, 39]) expect(await inParts([0, split])).toEqual(expected);
    expect(await inParts(Array.from({ length: T }, (_, t) => t))).toEqual(expected);
  });

  it('does not let later tokens change earlier ones', async () => {
    const dims = MAMBA1_SHAPES[2]!;
    const scan = scanCase(2, 30, dims);
    const before = await run(scan, dims);
    scan.x.fill(100, 20 * dims.inner);
    scan.dtRaw.fill(5, 20 * dims.inner);
    const after = await run(scan, dims);
    expect(after.y.subarray(0, 20 * dims.inner)).toEqual(before.y.subarray(0, 20 * dims.inner));
    expect(after.y.subarray(20 * dims.inner)).not.toEqual(before.y.subarray(20 * dims.inner));
  });

  it('takes a token with dt = 0 for none: the state stays, to the bit', async () => {
    const dims = MAMBA1_SHAPES[0]!;
    const scan = scanCase(3, 18, dims);
    scan.dtRaw.fill(-1e4);
    expect((await run(scan, dims)).state).toEqual(scan.ssm);
  });

  it('holds where dt * a is -1e4, and for large and small inputs', async () => {
    const dims = MAMBA1_SHAPES[0]!;
    const strong = scanCase(4, 20, dims);
    strong.vectors.a.fill(-1e3);
    strong.dtRaw = strong.dtRaw.map((_, index) => (index % 3 === 0 ? 10 : -9));
    await expectReference(strong, dims);
    for (const scale of [1e-10, 1e8]) {
      const scan = scanCase(5, 20, dims);
      scan.x = scan.x.map((value) => value * scale);
      scan.ssm = scan.ssm.map((value) => value * scale);
      await expectReference(scan, dims);
    }
  });
});
