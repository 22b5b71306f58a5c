import { gelu } from './gelu.ts';
import { geluTanh } from './gelu_tanh.ts';
import { relu2 } from './relu2.ts';
import { silu } from './silu.ts';
import { at, rowCount, type Values } from './values.ts';

/** Functions between the matrices of an MLP, of one element. */
export const ACTIVATIONS = {
  silu,
  gelu,
  gelu_tanh: geluTanh,
  relu2: (x: number) => relu2(Float64Array.of(x))[0]!,
} as const;
export type Activation = keyof typeof ACTIVATIONS;

/** y = activation(x) of every element. */
export function activate(x: Float64Array, activation: Activation): Float64Array {
  return x.map(ACTIVATIONS[activation]);
}

/** y[f] = activation(gate[f]) * up[f] of interleaved gate0, up0, gate1, up1, ...; (T, 2F) to (T, F). Shazeer 2020. */
export function gated(gateUp: Values, activation: Activation): Float64Array {
  const act = ACTIVATIONS[activation];
  return Float64Array.from({ length: rowCount(gateUp, 2) }, (_, f) => act(at(gateUp, 2 * f)) * at(gateUp, 2 * f + 1));
}
