import { type BufferMaker, slice } from '../../gpu/buffers.ts';
import type { Rounding } from '../../kernels/projections/columns.ts';
import { type Digits, quantizedRowSizes } from '../../kernels/projections/quantize_rows.ts';

/** Memory for the inputs of a product that are rounded together: so many, of at most `widest` numbers each. */
export function roundingOf(set: BufferMaker, widest: number, inputs: number, digits: Digits): Rounding {
  const { words, scales } = quantizedRowSizes(widest, digits);
  const x = slice(set.floats('rounded inputs', inputs, words));
  const x_scale = slice(set.floats('scales of rounded inputs', inputs, scales));
  return { digits, to: { x, x_scale } };
}
