import type { Action } from '../../kernels/projections/projection.ts';
import { type Activation, gated } from '../../reference/activation.ts';
import { add } from '../../reference/add.ts';
import { swiglu } from '../../reference/swiglu.ts';
import { randomTensor } from '../arbitrary.ts';
import { HALF_ULP } from './bounds.ts';
import { expectClose } from '../close.ts';
import type { Output, TestGpu } from './device.ts';
import { swigluBounds } from './matrix-cases.ts';

/** What y has to be after a product. */
export interface Outcome {
  /** To be handed to the product. */
  y: Output;
  /** @throws Error where y is not near what it has to be. */
  check: () => Promise<void>;
}

/** What has to become of the sums of a product, (T, rows), each of which may be off by its bound. */
export function outcome(gpu: TestGpu, action: Action, sums: Float64Array, bounds: Float64Array): Outcome {
  const checked = (y: Output, expected: Float64Array, tolerance: { abs: Float64Array; rel?: number }): Outcome => ({
    y,
    check: async () => expectClose(await gpu.read(y), expected, tolerance),
  });
  if (action === 'add') {
    const before = randomTensor(99, sums.length);
    return checked(gpu.output(before), add(before, sums), { abs: bounds, rel: HALF_ULP });
  }
  if (action === 'swiglu') {
    // Denormals may be flushed to zero.
    const abs = swigluBounds(sums, bounds).map((bound) => bound + 1e-37);
    return checked(gpu.output(sums.length / 2), swiglu(sums), { abs });
  }
  const activation = GATED[action];
  if (activation) {
    const abs = Float64Array.from({ length: sums.length / 2 }, (_, f) => {
      const [gate, up] = [Math.abs(sums[2 * f]!), Math.abs(sums[2 * f + 1]!)];
      // None is steeper than 1.2, but for the square, and none beyond its argument, but for that.
      const [slope, most] = activation === 'relu2' ? [2 * gate + bounds[2 * f]!, gate ** 2] : [1.2, gate];
      // A few roundings, and those of an exponential, besides.
      return bounds[2 * f]! * slope * up + bounds[2 * f + 1]! * (most + 1) + 2 ** -15 * most * up + 1e-37;
    });
    return checked(gpu.output(sums.length / 2), gated(sums, activation), { abs });
  }
  return checked(gpu.output(sums.length), sums, { abs: bounds });
}

/** Activations of what makes one element of two sums. */
const GATED: Readonly<Partial<Record<Action, Activation>>> = {
  geglu: 'gelu',
  geglu_tanh: 'gelu_tanh',
  reglu2: 'relu2',
};

/** All actions, with how the number of rows has to be for each. */
export const ACTION_CASES: readonly { action: Action; rowsEven: boolean }[] = [
  { action: 'set', rowsEven: false },
  { action: 'add', rowsEven: false },
  { action: 'swiglu', rowsEven: true },
];

/** All actions with all of `others`. */
export function withActions<Other extends object>(others: readonly Other[]) {
  return ACTION_CASES.flatMap((action) => others.map((other) => ({ ...action, ...other })));
}
