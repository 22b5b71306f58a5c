import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import {
  MAMBA2_SHAPES,
  mixerState,
  type MixerVectors,
  mixerVectors,
  scanReference,
} from '../../testing/kernels/mamba2-cases.ts';
import { scanSpecs } from '../../testing/kernels/mamba2-scan.ts';
import { CHUNK_TOKENS as Q, type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';
import { ssdChunkScanKernel } from './ssd_chunk_scan.ts';

// The gate of MODEL-like references for f32: a relative L2 error of 1e-5, and no element off by more than the share of
// the largest that sums of logarithms over a chunk leave (|l| up to some hundred, times 2^-24, in an exponential).
const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };

/** Inputs of a scan; `dtRaw` (T, H), before the bias. */
interface ScanCase {
  v: Float32Array;
  dtRaw: Float32Array;
  vectors: MixerVectors;
  ssm: Float32Array;
}

function scanCase(seed: number, T: number, dims: Mamba2Dims): ScanCase {
  return {
    v: randomTensor(seed, T * mamba2Widths(dims).channels),
    dtRaw: randomTensor(seed + 1, T * dims.heads),
    vectors: mixerVectors(seed + 2, dims),
    ssm: mixerState(dims, seed + 9).ssm,
  };
}

describeGpu(ssdChunkScanKernel, (gpu) => {
  async function run({ v, dtRaw, vectors, ssm }: ScanCase, dims: Mamba2Dims) {
    const { inner, channels, projected } = mamba2Widths(dims);
    const { heads } = dims;
    const T = dtRaw.length / heads;
    const u = new Float32Array(T * projected).fill(NaN); // of a row of u only dt is read
    for (let t = 0; t < T; t++) u.set(dtRaw.subarray(t * heads, (t + 1) * heads), t * projected + inner + channels);
    const ssm_state = gpu().output(ssm);
    const y = gpu().output(T * inner);
    const specs = scanSpecs(gpu(), { v: gpu().input(v), u: gpu().input(u), ssm_state, y }, vectors, T, dims);
    await gpu().run(specs, { tokens: T });
    return { y: await gpu().read(y), state: await gpu().read(ssm_state) };
  }

  async function expectReference(scan: ScanCase, dims: Mamba2Dims, tolerance: object = CLOSE): Promise<void> {
    const actual = await run(scan, dims);
    const expected = scanReference(scan.v, scan.dtRaw, scan.vectors, scan.ssm, dims);
    expectClose(actual.y, expected.y, tolerance, 'y');
    expectClose(actual.state, expected.state, tolerance, 'state');
  }

  it.each(MAMBA2_SHAPES)(
    'is the recurrence for any length, from any state, for H $heads, P $headDim, N $stateSize, G $groups',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), sizes({ tile: Q, most: 2 * Q + 1 }), async (seed, T) => {
          await expectReference(scanCase(seed, T, dims), dims);
        }),
        { numRuns: 5 },
      );
    },
  );

  it('gives the same wherever the tokens are split, output and final state', async () => {
    const dims = MAMBA2_SHAPES[1]!;
    const { channels } = mamba2Widths(dims);
    const scan = scanCase(1, 130, dims);
    const whole = await run(scan, dims);
    for (const split of [1, 2, 3, 63, 64, 65, 128]) {
      const part = (begin: number, end: number, ssm: Float32Array) => ({
        ...scan,
        ssm,
        v: scan.v.slice(begin * channels, end * channels),
        dtRaw: scan.dtRaw.slice(begin * dims.heads, end * dims.heads),
      });
      const first = await run(part(0, split, scan.ssm), dims);
      const second = await run(part(split, 130, first.state), dims);
      const y = [...first.y, ...second.y];
      expectClose(y, whole.y, CLOSE, `y, split at ${split}`);
      expectClose(second.state, whole.state, CLOSE, `state, split at ${split}`);
      // At a chunk's end a split changes nothing at all.
      if (split % Q === 0) expect(y).toEqual([...whole.y]);
    }
  });

  it('does not let later tokens change earlier ones', async () => {
    const dims = MAMBA2_SHAPES[0]!;
    const { inner, channels } = mamba2Widths(dims);
    const scan = scanCase(2, 80, dims);
    const before = await run(scan, dims);
    scan.v.fill(100, 70 * channels);
    scan.dtRaw.fill(5, 70 * dims.heads);
    const after = await run(scan, dims);
    expect(after.y.subarray(0, 70 * inner)).toEqual(before.y.subarray(0, 70 * inner));
    expect(after.y.subarray(70 * inner)).not.toEqual(before.y.subarray(70 * inner));
  });

  it('keeps dt within its limits', async () => {
    for (const [dtLo, dtHi] of [
      [0.05, 0.1],
      [0.5, 3e38],
      [0, 0.2],
    ] as const) {
      const dims = { ...MAMBA2_SHAPES[1]!, dtLo, dtHi };
      const scan = scanCase(3, 70, dims);
      scan.dtRaw = randomTensor(4, scan.dtRaw.length, 10);
      await expectReference(scan, dims);
    }
  });

  it('takes a token with dt = 0 for none: the state stays, to the bit', async () => {
    const dims = MAMBA2_SHAPES[1]!;
    const scan = scanCase(5, 67, dims);
    scan.dtRaw.fill(-1e4);
    expect((await run(scan, dims)).state).toEqual(scan.ssm);
  });

  it('holds where dt * a is -1e4 a token, for all tokens or some', async () => {
    const dims = { ...MAMBA2_SHAPES[0]!, heads: 4 };
    for (const share of [1, 0.5, 0.02]) {
      const scan = scanCase(6, 130, dims);
      scan.vectors.a.fill(-1e3);
      scan.vectors.dtBias.fill(0);
      const chosen = randomTensor(7, scan.dtRaw.length);
      // softplus(10) = 10; the others have dt * a around -0.1.
      scan.dtRaw = chosen.map((_, i) => ((i * 37) % 100 < share * 100 ? 10 : -9.2));
      await expectReference(scan, dims);
    }
  });

  it('holds for large and small inputs and states', async () => {
    const dims = MAMBA2_SHAPES[1]!;
    for (const scale of [1e-10, 1e8]) {
      const scan = scanCase(8, 66, dims);
      scan.v = scan.v.map((value) => value * scale);
      scan.ssm = scan.ssm.map((value) => value * scale);
      await expectReference(scan, dims);
    }
    const zeros = scanCase(9, 66, dims);
    zeros.v.fill(0);
    zeros.ssm.fill(0);
    expect((await run(zeros, dims)).y.every((value) => value === 0)).toBe(true);
  });
});
