import { expect, it } from 'vitest';
import { slice } from '../../gpu/buffers.ts';
import { geluTanh } from '../../reference/gelu_tanh.ts';
import { rgLru } from '../../reference/rg_lru.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { beside } from '../../testing/kernels/mamba1-cases.ts';
import { RG_LRU_SHAPES, rgLruWeights } from '../../testing/kernels/rg-lru-cases.ts';
import { rgLruGates } from './rg_lru_gates.ts';
import type { RgLruDims } from './rg-lru-shape.ts';
import { rgLruScan, rgLruScanKernel } from './rg_lru_scan.ts';

// With the kernel that makes its inputs, against the recurrence: decays near one let rounding errors of many tokens add up.
const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };

interface ScanCase {
  x: Float32Array;
  z: Float32Array;
  weights: ReturnType<typeof rgLruWeights>;
  ssm: Float32Array;
}

function scanCase(seed: number, T: number, dims: RgLruDims): ScanCase {
  return {
    x: randomTensor(seed, T * dims.width),
    z: randomTensor(seed + 1, T * dims.width),
    weights: rgLruWeights(seed + 2, dims),
    ssm: randomTensor(seed + 5, dims.width),
  };
}

describeGpu(rgLruScanKernel, (gpu) => {
  async function run({ x, z, weights, ssm }: ScanCase, dims: RgLruDims, position: number) {
    const { width: w } = dims;
    const state = gpu().output(ssm);
    const y = gpu().output(x.length);
    const parts = { decays: gpu().output(x.length), inputs: gpu().output(x.length) };
    const { features } = gpu();
    const buffers = {
      v: gpu().input(x),
      gates: gpu().input(weights.gates),
      vectors: gpu().input(weights.vectors),
      decays: slice(parts.decays.buffer),
      inputs: slice(parts.inputs.buffer),
    };
    const u = gpu().input(beside(z, w, new Float32Array(z.length).fill(NaN), w));
    const specs = [
      rgLruGates(features, 'test', buffers, dims),
      rgLruScan(features, 'test', { ...parts, u, ssm_state: state, out: y }, dims),
    ];
    await gpu().run(specs, { tokens: x.length / w, position });
    return { y: await gpu().read(y), state: await gpu().read(state) };
  }

  it.each(RG_LRU_SHAPES)('is the recurrence from any state, for $width channels in $heads heads', async (dims) => {
    for (const [T, position] of [
      [1, 0],
      [30, 0],
      [17, 3],
      [61, 1],
    ] as const) {
      const scan = scanCase(T, T, dims);
      const actual = await run(scan, dims, position);
      const expected = rgLru(scan.x, scan.weights, scan.ssm, { heads: dims.heads, position });
      const gated = expected.y.map((value, index) => value * geluTanh(scan.z[index]!));
      expectClose(actual.y, gated, CLOSE, 'y');
      expectClose(actual.state, expected.state, CLOSE, 'state');
    }
  });

  it('gives the same, to the bit, wherever the tokens are split', async () => {
    const dims = RG_LRU_SHAPES[0]!;
    const [T, w] = [40, dims.width];
    const scan = scanCase(3, T, dims);
    const whole = await run(scan, dims, 0);
    for (const split of [1, 7, 8, 9, 39]) {
      const part = (begin: number, end: number, ssm: Float32Array) => {
        const tokens = { x: scan.x.slice(begin * w, end * w), z: scan.z.slice(begin * w, end * w) };
        return run({ ...scan, ...tokens, ssm }, dims, begin);
      };
      const first = await part(0, split, scan.ssm);
      const second = await part(split, T, first.state.slice());
      expect([...first.y, ...second.y]).toEqual([...whole.y]);
      expect(second.state).toEqual(whole.state);
    }
  });

  it('asks nothing of what was there before the first token', async () => {
    const dims = RG_LRU_SHAPES[0]!;
    const scan = scanCase(4, 5, dims);
    const clean = await run({ ...scan, ssm: new Float32Array(dims.width) }, dims, 0);
    const dirty = await run({ ...scan, ssm: new Float32Array(dims.width).fill(Infinity) }, dims, 0);
    expect(dirty).toEqual(clean);
  });
});
