import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toNorm } from '../../reference/to_norm.ts';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import {
  columnsOf,
  MAMBA2_SHAPES,
  mixerReference,
  mixerState,
  mixerVectors,
} from '../../testing/kernels/mamba2-cases.ts';
import { normWeightOf, oneByOne, overPositions } from '../../testing/kernels/mamba2-positions.ts';
import { embed } from '../shared/embed.ts';
import {
  conv1dSelectiveStateUpdatesGateToNormKernel,
  stateUpdatesDispatch,
} from './conv1d_selective_state_updates_gate_to_norm.ts';
import { mamba2Widths } from './mamba2-shape.ts';

// As of a single token: a relative L2 error of 1e-5 is far above what the exponentials of dt * a and of silu leave.
const CLOSE = { nmse: 1e-10, ofLargest: 1e-5 };

describeGpu(conv1dSelectiveStateUpdatesGateToNormKernel, (gpu) => {
  it.each(MAMBA2_SHAPES)(
    'is the reference, and leaves states as they were, for H $heads, P $headDim, N $stateSize, G $groups',
    async (dims) => {
      const { inner, projected } = mamba2Widths(dims);
      await fc.assert(
        fc.asyncProperty(seeds(), fc.integer({ min: 1, max: 16 }), fc.nat(9), async (seed, T, position) => {
          const u = randomTensor(seed, T * projected);
          const [vectors, state] = [mixerVectors(seed + 1, dims), mixerState(dims, seed + 9)];
          const found = await overPositions(gpu(), u, vectors, state, dims, { position, accepted: null });
          const { gated } = mixerReference(u, vectors, state, dims, position);
          const norm = normWeightOf(dims);
          const wanted = gated.map((value, index) => value * norm[index % inner]!);
          const g = found.u.flatMap((row) => [...row.subarray(0, inner)]);
          expectClose(g, wanted, CLOSE, 'gated y');
          for (const [t, sums] of found.squares.entries()) {
            const { squares } = toNorm(gated.subarray(t * inner, (t + 1) * inner), norm, inner);
            const total = sums.reduce((sum, part) => sum + part, 0);
            expectClose([total], squares, { nmse: 4e-10, ofLargest: 2e-5 }, `squares of token ${t}`);
          }
          const rest = found.u.flatMap((row) => [...row.subarray(inner)]);
          expect(Float32Array.from(rest)).toEqual(columnsOf(u, projected, inner, projected - inner));
          expect([found.conv, found.ssm]).toEqual([state.conv, state.ssm]);
        }),
        { numRuns: 4 },
      );
    },
  );

  it.each([false, true])(
    'gives what the kernel of a single token gives, bit for bit; gate last: %s',
    async (gateLast) => {
      for (const shape of MAMBA2_SHAPES.slice(0, 4)) {
        const dims = { ...shape, gateLast, dtLo: 0.05, dtHi: 0.5 };
        const u = randomTensor(3, 5 * mamba2Widths(dims).projected);
        const [vectors, state] = [mixerVectors(4, dims), mixerState(dims, 5)];
        const found = await overPositions(gpu(), u, vectors, state, dims, { position: 6, accepted: null });
        const wanted = await oneByOne(gpu(), u, vectors, state, dims, 6);
        expect(found.u).toEqual(wanted.u);
        expect(found.squares).toEqual(wanted.squares);
      }
    },
  );

  it('is for no other kernel', () => {
    const [ids, x] = [gpu().input(Uint32Array.of(0)), gpu().output(4)];
    const weights = gpu().matrix('f32', randomTensor(1, 8), 4);
    expect(stateUpdatesDispatch(embed(gpu().features, 'test', { ids, weights, x }, 1))).toBeNull();
  });
});
