import { describe, expect, it } from 'vitest';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { selectiveScan } from './selective_scan.ts';
import { silu } from './silu.ts';
import { ssdRecurrence } from './ssd.ts';

describe('selectiveScan', () => {
  it('is what a step gives by hand', () => {
    // One channel of two states; exp(dt * a) is 1/2 and 1/4.
    const inputs = { x: [3], dt: [0.5], a: [-2 * Math.LN2, -4 * Math.LN2], b: [2, 4], c: [1, 10], d: [7], z: [1] };
    const { y, state } = selectiveScan(inputs, [8, 16]);
    expectClose(state, [8 / 2 + 3, 16 / 4 + 6], { abs: 1e-14 });
    expectClose(y, [(7 + 100 + 21) * silu(1)], { abs: 1e-12 });
  });

  it('is the scan of Mamba-2 where all states of a channel decay alike', () => {
    const [T, I, N] = [7, 3, 4];
    const decay = randomTensor(1, I).map((value) => -Math.exp(value));
    const shared = { x: randomTensor(2, T * I), dt: randomTensor(3, T * I).map(Math.abs), d: randomTensor(4, I) };
    const projections = { b: randomTensor(5, T * N), c: randomTensor(6, T * N) };
    const before = randomTensor(7, I * N);
    const z = randomTensor(8, T * I);
    const a = Float64Array.from({ length: I * N }, (_, index) => decay[Math.floor(index / N)]!);
    const ours = selectiveScan({ ...shared, ...projections, a, z }, before);
    const dims = { heads: I, headDim: 1, stateSize: N, groups: 1 };
    const theirs = ssdRecurrence({ ...shared, ...projections, a: decay }, before, dims);
    expectClose(ours.state, theirs.state, { abs: 1e-13 });
    expectClose(
      ours.y,
      theirs.y.map((value, index) => value * silu(z[index]!)),
      { abs: 1e-13 },
    );
  });

  it('gives the same in two parts', () => {
    const [T, I, N] = [5, 2, 3];
    const inputs = {
      x: randomTensor(1, T * I),
      dt: randomTensor(2, T * I).map(Math.abs),
      a: randomTensor(3, I * N).map((value) => -Math.abs(value)),
      b: randomTensor(4, T * N),
      c: randomTensor(5, T * N),
      d: randomTensor(6, I),
      z: randomTensor(7, T * I),
    };
    const part = (begin: number, end: number) => ({
      ...inputs,
      x: inputs.x.subarray(begin * I, end * I),
      dt: inputs.dt.subarray(begin * I, end * I),
      z: inputs.z.subarray(begin * I, end * I),
      b: inputs.b.subarray(begin * N, end * N),
      c: inputs.c.subarray(begin * N, end * N),
    });
    const before = randomTensor(8, I * N);
    const whole = selectiveScan(inputs, before);
    const first = selectiveScan(part(0, 2), before);
    const second = selectiveScan(part(2, T), first.state);
    expect([...first.y, ...second.y]).toEqual([...whole.y]);
    expect(second.state).toEqual(whole.state);
  });
});
