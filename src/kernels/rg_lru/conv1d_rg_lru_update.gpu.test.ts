import { expect, it } from 'vitest';
import { conv1d, convColumns } from '../../reference/conv1d.ts';
import { geluTanh } from '../../reference/gelu_tanh.ts';
import { rgLru } from '../../reference/rg_lru.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { RG_LRU_SHAPES, rgLruWeights } from '../../testing/kernels/rg-lru-cases.ts';
import { conv1dRgLruUpdate, conv1dRgLruUpdateKernel } from './conv1d_rg_lru_update.ts';
import type { RgLruDims } from './rg-lru-shape.ts';

// As for the scan over many tokens.
const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };

function tokenCase(seed: number, dims: RgLruDims) {
  const { width: w } = dims;
  const { gates, vectors } = rgLruWeights(seed, dims);
  return {
    u: randomTensor(seed + 3, 2 * w),
    convWeight: randomTensor(seed + 4, 4 * w, 0.5),
    convBias: randomTensor(seed + 5, w, 0.2),
    weights: { gates, vectors },
    conv: randomTensor(seed + 6, 4 * w),
    ssm: randomTensor(seed + 7, w),
  };
}

describeGpu(conv1dRgLruUpdateKernel, (gpu) => {
  type TokenCase = ReturnType<typeof tokenCase>;

  async function run(token: TokenCase, dims: RgLruDims, pass: { position: number; halted?: boolean }) {
    const out = { conv_state: gpu().output(token.conv), ssm_state: gpu().output(token.ssm) };
    const y = gpu().output(new Float32Array(dims.width));
    const buffers = {
      u: gpu().input(token.u),
      conv_weight: gpu().input(token.convWeight),
      gates: gpu().input(token.weights.gates),
      vectors: gpu().input(Float32Array.of(...token.weights.vectors, ...token.convBias)),
      ...out,
      out: y,
    };
    await gpu().run(conv1dRgLruUpdate(gpu().features, 'test', buffers, dims), { tokens: 1, ...pass });
    return { y: await gpu().read(y), conv: await gpu().read(out.conv_state), ssm: await gpu().read(out.ssm_state) };
  }

  it.each(RG_LRU_SHAPES)('is the reference for $width channels in $heads heads', async (dims) => {
    const { width: w, heads } = dims;
    for (const position of [0, 1, 6]) {
      const token = tokenCase(position, dims);
      const actual = await run(token, dims, { position });
      const raw = token.u.subarray(w);
      const conv = conv1d(raw, token.convWeight, token.convBias, token.conv, position, (value) => value);
      const expected = rgLru(conv.v, token.weights, token.ssm, { heads, position });
      const gated = expected.y.map((value, index) => value * geluTanh(token.u[index]!));
      expectClose(actual.y, gated, CLOSE, 'y');
      expectClose(actual.ssm, expected.state, CLOSE, 'state');
      expect(convColumns(actual.conv, position + 1)).toEqual(convColumns(conv.state, position + 1));
    }
  });

  it('changes nothing after the answer has ended', async () => {
    const dims = RG_LRU_SHAPES[0]!;
    const token = tokenCase(3, dims);
    const { conv, ssm } = await run(token, dims, { position: 2, halted: true });
    expect(conv).toEqual(token.conv);
    expect(ssm).toEqual(token.ssm);
  });
});
