import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import type { Kernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { bound, isSameWork, spanOf, strideOf } from '../shared/slots.ts';
import { matvecKernel } from './matvec.ts';
import { matvecAddToNormKernel } from './matvec_add_to_norm.ts';
import { matvecsKernel } from './matvecs.ts';
import { matvecsAddToNormKernel } from './matvecs_add_to_norm.ts';
import { normedMatvecKernel } from './normed_matvec.ts';
import { normedMatvecAddToNormKernel } from './normed_matvec_add_to_norm.ts';
import { normedMatvecSwigluKernel } from './normed_matvec_swiglu.ts';
import { ACTIONS } from './projection.ts';

// Matvecs of several sequences with one matrix become one dispatch, which reads its weights once.

/** Sequences that one dispatch multiplies. */
const WIDTHS: readonly number[] = [2, 4, 8, 16];

/** How a kernel of one vector is one of several. */
interface Columns {
  kernel: Kernel;
  /** Its name of the input. */
  input: string;
  normed: boolean;
  /** What becomes of the sums, by the constants of the kernel of one. */
  action?: (constants: Readonly<Record<string, number>>) => number;
}

const SET = () => ACTIONS.set;

const COLUMNS: ReadonlyMap<Kernel, Columns> = new Map<Kernel, Columns>([
  [matvecKernel, { kernel: matvecsKernel, input: 'v', normed: false, action: ({ ACTION }) => ACTION! }],
  [normedMatvecKernel, { kernel: matvecsKernel, input: 'h', normed: true, action: SET }],
  [
    normedMatvecSwigluKernel,
    { kernel: matvecsKernel, input: 'h', normed: true, action: ({ ACTIVATION }) => ACTIONS.swiglu + ACTIVATION! },
  ],
  [matvecAddToNormKernel, { kernel: matvecsAddToNormKernel, input: 'v', normed: false }],
  [normedMatvecAddToNormKernel, { kernel: matvecsAddToNormKernel, input: 'g', normed: true }],
]);

/** Bytes of an element of a buffer, as the kernels bind it. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = { v: 16, squares: 16, y: 4, x: 16, h: 16, x_squares: 4 };

/** Rows from which a workgroup takes eight teams. With fewer, four: else few workgroups would wait for memory. */
const MANY_ROWS = 12_800;

/** Invocations of a workgroup, and its teams with four rows each. Without subgroups, all shares go through its memory. */
function teamsFor({ subgroups }: GpuFeatures, rows: number): { WG: number; TEAMS: number } {
  if (!subgroups) return { WG: 64, TEAMS: 4 };
  return { WG: 256, TEAMS: rows < MANY_ROWS ? 4 : 8 };
}

/**
 * One dispatch that does what these do, each of which multiplies a vector of its own by the same matrix; null where there is
 * no kernel for that, or their buffers do not lie at equal distances.
 */
export function columnsDispatch(features: GpuFeatures, specs: readonly DispatchSpec[]): DispatchSpec | null {
  const first = specs[0]!;
  const columns = COLUMNS.get(first.kernel);
  if (!columns || !WIDTHS.includes(specs.length) || !isSameWork(specs)) return null;
  const { kernel, input, normed, action } = columns;
  const own: Readonly<Record<string, BufferSlice[]>> = {
    v: bound(specs, input),
    // Where it is not read, anything may stand for it.
    squares: bound(specs, normed ? 'squares' : input),
    ...Object.fromEntries(kernel.writes.map((name) => [name, bound(specs, name)])),
  };
  const strides: Record<string, number> = {};
  for (const [name, ranges] of Object.entries(own)) {
    const stride = strideOf(ranges, ELEMENT_BYTES[name]!);
    if (stride === null) return null;
    strides[`${name}_stride`] = stride;
  }
  const { weights, norm_weight } = first.buffers;
  const { rows = 0 } = first.params ?? {};
  const { fixedPoint: _, ...variant } = first.variant;
  const teams = teamsFor(features, rows);
  return {
    kernel,
    variant,
    label: first.label,
    params: { squares4: 0, eps: 0, scale: 1, ...first.params, ...strides },
    constants: {
      ...teams,
      COLUMNS: specs.length,
      NORMED: normed ? 1 : 0,
      ...(action && { ACTION: action(first.constants ?? {}) }),
    },
    buffers: {
      ...Object.fromEntries(Object.entries(own).map(([name, ranges]) => [name, spanOf(ranges)])),
      weights: weights!,
      ...(norm_weight && { norm_weight }),
    },
    grid: foldedGrid(Math.ceil(rows / (4 * teams.TEAMS))),
  };
}
