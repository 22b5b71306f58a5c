import fc from 'fast-check';
import { expect, it } from 'vitest';
import { convColumns } from '../../reference/conv1d.ts';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { MAMBA2_SHAPES, mixerReference, mixerState, mixerVectors } from '../../testing/kernels/mamba2-cases.ts';
import { oneByOne, overPositions } from '../../testing/kernels/mamba2-positions.ts';
import { mamba2Widths } from './mamba2-shape.ts';
import { selectiveStateAdvanceKernel } from './selective_state_advance.ts';

// As of a single token: a relative L2 error of 1e-5 is far above what the exponentials of dt * a leave.
const CLOSE = { nmse: 1e-10, ofLargest: 1e-5 };

/** A pass over so many tokens, of which so many are accepted. */
const acceptances = () =>
  fc.integer({ min: 1, max: 16 }).chain((T) => fc.record({ T: fc.constant(T), accepted: fc.nat(T) }));

describeGpu(selectiveStateAdvanceKernel, (gpu) => {
  it.each(MAMBA2_SHAPES)(
    'moves the states by the accepted tokens alone, for H $heads, P $headDim, N $stateSize, G $groups',
    async (dims) => {
      const { projected } = mamba2Widths(dims);
      await fc.assert(
        fc.asyncProperty(seeds(), acceptances(), fc.nat(9), async (seed, { T, accepted }, position) => {
          const u = randomTensor(seed, T * projected);
          const [vectors, state] = [mixerVectors(seed + 1, dims), mixerState(dims, seed + 9)];
          const found = await overPositions(gpu(), u, vectors, state, dims, { position, accepted });
          if (accepted === 0) {
            expect([found.conv, found.ssm]).toEqual([state.conv, state.ssm]);
            return;
          }
          const wanted = mixerReference(u.slice(0, accepted * projected), vectors, state, dims, position);
          expectClose(found.ssm, wanted.ssm, CLOSE, 'state');
          const end = position + accepted;
          expect(convColumns(found.conv, end)).toEqual(convColumns(wanted.conv, end));
        }),
        { numRuns: 4 },
      );
    },
  );

  it('leaves what the kernel of a single token leaves, bit for bit', async () => {
    for (const dims of MAMBA2_SHAPES.slice(0, 4)) {
      const { projected } = mamba2Widths(dims);
      const u = randomTensor(3, 7 * projected);
      const [vectors, state] = [mixerVectors(4, dims), mixerState(dims, 5)];
      for (const accepted of [1, 4, 6]) {
        const found = await overPositions(gpu(), u, vectors, state, dims, { position: 6, accepted });
        const wanted = await oneByOne(gpu(), u.slice(0, accepted * projected), vectors, state, dims, 6);
        expect(found.ssm).toEqual(wanted.ssm);
        expect(found.conv).toEqual(wanted.conv);
      }
    }
  });
});
