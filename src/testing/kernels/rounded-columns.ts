import type { BufferSlice } from '../../gpu/buffers.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Kernel } from '../../gpu/kernel.ts';
import { roundedColumnsDispatches } from '../../kernels/projections/columns.ts';
import { type Digits, quantizedRowSizes } from '../../kernels/projections/quantize_rows.ts';
import { randomTensor } from '../arbitrary.ts';
import { ALL } from '../extent.ts';
import type { TestGpu, TestMatrix } from './device.ts';
import { type TestRows, uploadRows } from './quantized-rows.ts';
import { slotInputs } from './slot-ranges.ts';

// Products of several sequences whose inputs are integers already: what the dispatch before would have left.

const ALL_CASES = ([1, 2] as const).flatMap((digits) =>
  [2, 4, 8, 16].flatMap((sequences) => (['int8', 'int4'] as const).map((scheme) => ({ digits, sequences, scheme }))),
);

/** Numbers of sequences, digits and schemes: where not everything is tested, each at least once. */
export const ROUNDED_CASES: typeof ALL_CASES = ALL
  ? ALL_CASES
  : [
      { digits: 1, sequences: 2, scheme: 'int4' },
      { digits: 1, sequences: 16, scheme: 'int8' },
      { digits: 2, sequences: 4, scheme: 'int4' },
      { digits: 2, sequences: 8, scheme: 'int8' },
    ];

/** Products of kernel `kernel`, one for each part of the matrix, of `rows` in the place of what `lists` multiply. */
export function productsOfRounded(
  gpu: TestGpu,
  kernel: Kernel,
  lists: readonly DispatchSpec[][],
  rows: TestRows,
  digits: Digits,
): DispatchSpec[] {
  const to = uploadRows(gpu, rows);
  return lists[0]!.map((_, part) => {
    const specs = lists.map((list) => list[part]!);
    const dispatches = roundedColumnsDispatches(gpu.features, specs, { digits, to });
    if (dispatches?.product.kernel !== kernel) throw new Error(`There is no product of ${kernel.name}.`);
    return dispatches.product;
  });
}

/** Inputs that nobody reads, as what is rounded takes their place. */
export function unreadInputs(gpu: TestGpu, { columns }: TestMatrix, sequences: number): BufferSlice[] {
  return slotInputs(
    gpu,
    Array.from({ length: sequences }, () => new Float32Array(columns).fill(NaN)),
  );
}

/** Partial sums of squares of the inputs of several sequences, and the norm's divisor of each. */
export function randomSquares(gpu: TestGpu, seed: number, columns: number, sequences: number, eps: number) {
  const values = Array.from({ length: sequences }, (_, index) => {
    const squares = new Float32Array(Math.ceil(columns / 16) * 4);
    squares.set(randomTensor(seed + index, columns / 4).map((value) => value * value));
    return squares;
  });
  const divisors = values.map((own) => Math.sqrt(own.reduce((sum, value) => sum + value, 0) / columns + eps));
  return { squares: slotInputs(gpu, values), divisors };
}

/** Memory for rounded rows, to be read back. */
export function roundedOutputs(gpu: TestGpu, columns: number, sequences: number, digits: Digits) {
  const { words, scales } = quantizedRowSizes(columns, digits);
  return { x: gpu.output(sequences * words), x_scale: gpu.output(sequences * scales) };
}
