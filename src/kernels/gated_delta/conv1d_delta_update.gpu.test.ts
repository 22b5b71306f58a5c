import fc from 'fast-check';
import { expect, it } from 'vitest';
import { convColumns } from '../../reference/conv1d.ts';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { DELTA_SHAPES, deltaHeads, deltaMixer, deltaVectors } from '../../testing/kernels/delta-cases.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { conv1dDeltaUpdate, conv1dDeltaUpdateKernel } from './conv1d_delta_update.ts';
import { type DeltaDims, deltaWidths } from './delta-shape.ts';

// As for the scan over many tokens.
const CLOSE = { nmse: 1e-10, ofLargest: 2e-5 };

describeGpu(conv1dDeltaUpdateKernel, (gpu) => {
  function tokenCase(seed: number, dims: DeltaDims) {
    const { channels, projected } = deltaWidths(dims);
    return {
      u: randomTensor(seed, projected),
      vectors: deltaVectors(seed + 1, dims),
      conv: randomTensor(seed + 5, 4 * channels),
      ssm: randomTensor(seed + 6, dims.valueHeads * dims.keyDim * dims.valueDim),
    };
  }
  type TokenCase = ReturnType<typeof tokenCase>;

  async function run(
    { u, vectors, conv, ssm }: TokenCase,
    dims: DeltaDims,
    pass: { position: number; halted?: boolean },
  ) {
    const y = gpu().output(new Float32Array(dims.valueHeads * dims.valueDim));
    const out = { conv_state: gpu().output(conv), ssm_state: gpu().output(ssm), y };
    const buffers = {
      conv_weight: gpu().input(vectors.convWeight),
      heads: gpu().input(deltaHeads(vectors)),
      u: gpu().input(u),
      ...out,
    };
    await gpu().run(conv1dDeltaUpdate(gpu().features, 'test', buffers, dims), { tokens: 1, ...pass });
    return { y: await gpu().read(y), conv: await gpu().read(out.conv_state), ssm: await gpu().read(out.ssm_state) };
  }

  async function expectReference(token: TokenCase, dims: DeltaDims, position: number): Promise<void> {
    const actual = await run(token, dims, { position });
    const expected = deltaMixer(token.u, token.vectors, dims, { ...token, position });
    expectClose(actual.y, expected.o, CLOSE, 'y');
    expectClose(actual.ssm, expected.ssm, CLOSE, 'state');
    expect(convColumns(actual.conv, position + 1)).toEqual(convColumns(expected.conv, position + 1));
  }

  it.each(DELTA_SHAPES)('is the reference for keys of $keyDim and values of $valueDim', async (dims) => {
    await fc.assert(
      fc.asyncProperty(seeds(), fc.nat(9), async (seed, position) => {
        await expectReference(tokenCase(seed, dims), dims, position);
      }),
      { numRuns: 8 },
    );
  });

  it('holds where a head forgets all, and for large and small values', async () => {
    const dims = DELTA_SHAPES[0]!;
    const strong = tokenCase(1, dims);
    strong.vectors.a.fill(-1e4);
    await expectReference(strong, dims, 3);
    for (const scale of [1e-8, 1e6]) {
      const token = tokenCase(2, dims);
      token.ssm = token.ssm.map((value) => value * scale);
      await expectReference(token, dims, 5);
    }
  });

  it('changes nothing after the answer has ended', async () => {
    const dims = DELTA_SHAPES[0]!;
    const token = tokenCase(3, dims);
    const { conv, ssm } = await run(token, dims, { position: 2, halted: true });
    expect(conv).toEqual(token.conv);
    expect(ssm).toEqual(token.ssm);
  });
});
