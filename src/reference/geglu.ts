import { gelu } from './gelu.ts';
import { at, rowCount, type Values } from './values.ts';

/** y[f] = gelu(gate[f]) * up[f] of interleaved gate0, up0, gate1, up1, ...; (T, 2F) to (T, F). Shazeer 2020. */
export function geglu(gateUp: Values): Float64Array {
  return Float64Array.from({ length: rowCount(gateUp, 2) }, (_, f) => gelu(at(gateUp, 2 * f)) * at(gateUp, 2 * f + 1));
}
