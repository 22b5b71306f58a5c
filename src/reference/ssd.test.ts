import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { selectiveStateUpdate } from './selective_state_update.ts';
import { ssdMinimal, ssdRecurrence } from './ssd.ts';

const ONE = { heads: 1, headDim: 1, stateSize: 1, groups: 1 };

describe('selectiveStateUpdate', () => {
  it('decays, adds and reads the state', () => {
    // decay = exp(-ln 2) = 1/2; S = 8/2 + 1 * 3 * 5 = 19; y = 19 * 2 + 10 * 3.
    const token = { x: [3], dt: [1], b: [5], c: [2] };
    const { y, state } = selectiveStateUpdate(token, { a: [-Math.LN2], d: [10] }, [8], ONE);
    expectClose(state, [19], { abs: 1e-12 });
    expectClose(y, [68], { abs: 1e-12 });
  });

  it('shares B and C within a group of heads', () => {
    const dims = { heads: 4, headDim: 1, stateSize: 1, groups: 2 };
    const token = { x: [1, 1, 1, 1], dt: [1, 1, 1, 1], b: [2, 3], c: [10, 100] };
    const parameters = { a: [-1, -1, -1, -1], d: [0, 0, 0, 0] };
    expect([...selectiveStateUpdate(token, parameters, [0, 0, 0, 0], dims).y]).toEqual([20, 20, 300, 300]);
  });

  it('is the identity on the state for dt = 0', () => {
    const token = { x: [3], dt: [0], b: [5], c: [2] };
    const { y, state } = selectiveStateUpdate(token, { a: [-1e4], d: [0] }, [8], ONE);
    expect([...state]).toEqual([8]);
    expect([...y]).toEqual([16]);
  });
});

/** Inputs of a random layer; `rate` scales dt * a. */
function randomInputs(seed: number, T: number, dims: typeof ONE, rate: number) {
  const { heads: H, headDim: P, stateSize: N, groups: G } = dims;
  const tensor = (index: number, size: number) => Float64Array.from(randomTensor(seed + index, size));
  return {
    x: tensor(0, T * H * P),
    dt: tensor(1, T * H).map((value) => Math.abs(value)),
    a: tensor(2, H).map((value) => -rate * Math.abs(value)),
    b: tensor(3, T * G * N),
    c: tensor(4, T * G * N),
    d: tensor(5, H),
    state: tensor(6, H * P * N),
  };
}

describe('ssdMinimal', () => {
  // f64; the sums of logarithms cost a relative error of |l| * 2^-53 in each exponential.
  const F64 = { ofLargest: 1e-10 };

  it('is the recurrence, for any chunk, incoming state and groups', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1, 2, 3, 7, 16, 64),
        fc.constantFrom(0, 0.1, 1, 30, 1e4),
        fc.constantFrom(1, 2, 4),
        (seed, T, Q, rate, groups) => {
          const dims = { heads: 4, headDim: 3, stateSize: 5, groups };
          const { state, ...inputs } = randomInputs(seed, T, dims, rate);
          const expected = ssdRecurrence(inputs, state, dims);
          const actual = ssdMinimal(inputs, state, dims, Q);
          expectClose(actual.y, expected.y, F64, 'y');
          expectClose(actual.state, expected.state, F64, 'state');
        },
      ),
      { numRuns: 60 },
    );
  });

  it('does not overflow where dt * a is -1e4 a token', () => {
    const { state, ...inputs } = randomInputs(1, 64, ONE, 0);
    const steep = { ...inputs, dt: inputs.dt.fill(1), a: inputs.a.fill(-1e4) };
    expectClose(ssdMinimal(steep, state, ONE, 64).y, ssdRecurrence(steep, state, ONE).y, F64);
  });
});
