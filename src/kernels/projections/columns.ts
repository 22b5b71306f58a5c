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
import { matvecsInt8Kernel } from './matvecs_int8.ts';
import { matvecsInt8AddToNormKernel } from './matvecs_int8_add_to_norm.ts';
import { isOfIntegers } from './matrix.ts';
import { normedMatvecKernel } from './normed_matvec.ts';
import { normedMatvecAddToNormKernel } from './normed_matvec_add_to_norm.ts';
import { normedMatvecSwigluKernel } from './normed_matvec_swiglu.ts';
import { ACTIONS, columnBlocks } from './projection.ts';
import { type Digits, type QuantizedRows, quantizeVectors } from './quantize_rows.ts';

// Matvecs of several sequences with one matrix become one dispatch, which reads its weights once.

/** Sequences that one dispatch multiplies. */
const WIDTHS: readonly number[] = [2, 4, 8, 16];

/** How a kernel of one vector is one of several. */
interface Columns {
  kernel: Kernel;
  /** The same of rounded inputs. */
  rounded: Kernel;
  /** Its name of the input. */
  input: string;
  normed: boolean;
  /** What becomes of the sums, by the constants of the kernel of one. */
  action?: (constants: Readonly<Record<string, number>>) => number;
}

const SET = () => ACTIONS.set;

const COLUMNS: ReadonlyMap<Kernel, Columns> = new Map<Kernel, Columns>([
  [
    matvecKernel,
    { kernel: matvecsKernel, rounded: matvecsInt8Kernel, input: 'v', normed: false, action: ({ ACTION }) => ACTION! },
  ],
  [normedMatvecKernel, { kernel: matvecsKernel, rounded: matvecsInt8Kernel, input: 'h', normed: true, action: SET }],
  [
    normedMatvecSwigluKernel,
    {
      kernel: matvecsKernel,
      rounded: matvecsInt8Kernel,
      input: 'h',
      normed: true,
      action: ({ ACTIVATION }) => ACTIONS.swiglu + ACTIVATION!,
    },
  ],
  [
    matvecAddToNormKernel,
    { kernel: matvecsAddToNormKernel, rounded: matvecsInt8AddToNormKernel, input: 'v', normed: false },
  ],
  [
    normedMatvecAddToNormKernel,
    { kernel: matvecsAddToNormKernel, rounded: matvecsInt8AddToNormKernel, input: 'g', normed: true },
  ],
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

/** Rows from which a matrix of eight rows a team still fills a GPU. */
const SOME_ROWS = 4096;
/** Rows up to which a workgroup takes one team, so that there are enough of them. */
const FEW_ROWS = 2560;
/** Blocks of a row from which more invocations share it. */
const LONG_ROW = 768;

/** A product of rounded inputs. */
interface Rounded {
  rows: number;
  /** Of a row. */
  blocks: number;
  columns: number;
  digits: Digits;
  scheme: string;
}

/** The same of rounded inputs, and the sets of four rows of a team. */
function roundedTeamsFor(
  { subgroups }: GpuFeatures,
  { rows, blocks, columns, digits, scheme }: Rounded,
): { WG: number; TEAMS: number; ROWS4: number } {
  if (!subgroups) return { WG: 64, TEAMS: 4, ROWS4: 1 };
  const isWide = rows >= MANY_ROWS;
  // Twice the rows read the columns half as often; with more columns, or weights to unpack, registers run out.
  const ROWS4 = scheme === 'int8' && digits === 2 && (columns === 4 || columns === 8) && rows >= SOME_ROWS ? 2 : 1;
  if (isWide) return { WG: 128, TEAMS: ROWS4 === 2 || columns > 8 ? 4 : 2, ROWS4 };
  const isAlone = rows <= FEW_ROWS || (ROWS4 === 1 && blocks >= LONG_ROW && columns <= 8);
  return { WG: isAlone && blocks < 128 ? 64 : 128, TEAMS: isAlone ? 1 : 2, ROWS4 };
}

/** What the dispatches of several sequences have in common, and how far apart their buffers are. */
interface Together {
  columns: Columns;
  first: DispatchSpec;
  inputs: BufferSlice[];
  /** Partial sums of the inputs' squares; where they are not read, anything may stand for them. */
  squares: BufferSlice[];
  /** What each writes, by the names of the kernel of several. */
  ranges: Readonly<Record<string, BufferSlice[]>>;
  strides: Record<string, number>;
}

/**
 * Null where the dispatches do not multiply vectors by one matrix, are not as many as a kernel takes, or have buffers that do
 * not lie at equal distances.
 */
function together(specs: readonly DispatchSpec[]): Together | null {
  const first = specs[0]!;
  const columns = COLUMNS.get(first.kernel);
  if (!columns || !WIDTHS.includes(specs.length) || !isSameWork(specs)) return null;
  const { kernel, input, normed } = columns;
  const inputs = bound(specs, input);
  const squares = normed ? bound(specs, 'squares') : inputs;
  const ranges = Object.fromEntries(kernel.writes.map((name) => [name, bound(specs, name)]));
  const strides: Record<string, number> = {};
  for (const [name, own] of Object.entries({ v: inputs, squares, ...ranges })) {
    const stride = strideOf(own, ELEMENT_BYTES[name]!);
    if (stride === null) return null;
    strides[`${name}_stride`] = stride;
  }
  return { columns, first, inputs, squares, ranges, strides };
}

/** A dispatch of a kernel for several sequences, whose input is `input`; a workgroup has `groupRows` rows. */
function productOf(
  { columns: { action }, first, ranges, strides }: Together,
  kernel: Kernel,
  groupRows: number,
  constants: Readonly<Record<string, number>>,
  input: Readonly<Record<string, BufferSlice>>,
): DispatchSpec {
  const { weights, norm_weight } = first.buffers;
  const { rows = 0 } = first.params ?? {};
  const { fixedPoint: _, ...variant } = first.variant;
  return {
    kernel,
    variant,
    label: first.label,
    params: { squares4: 0, eps: 0, scale: 1, ...first.params, ...strides },
    constants: { ...constants, ...(action && { ACTION: action(first.constants ?? {}) }) },
    buffers: {
      ...Object.fromEntries(Object.entries(ranges).map(([name, own]) => [name, spanOf(own)])),
      ...input,
      weights: weights!,
      ...(norm_weight && { norm_weight }),
    },
    grid: foldedGrid(Math.ceil(rows / groupRows)),
  };
}

/**
 * One dispatch that does what these do, each of which multiplies a vector of its own by the same matrix; null where there is
 * no kernel for that, or their buffers do not lie at equal distances.
 */
export function columnsDispatch(features: GpuFeatures, specs: readonly DispatchSpec[]): DispatchSpec | null {
  const all = together(specs);
  if (!all) return null;
  const { columns, first, inputs, squares } = all;
  const teams = teamsFor(features, first.params?.['rows'] ?? 0);
  const constants = { ...teams, COLUMNS: specs.length, NORMED: columns.normed ? 1 : 0 };
  const input = { v: spanOf(inputs), squares: spanOf(squares) };
  return productOf(all, columns.kernel, 4 * teams.TEAMS, constants, input);
}

/** How inputs of several sequences become integers. */
export interface Rounding {
  /** Of int8 that a number becomes: with two it is nearly exact. */
  digits: Digits;
  /** Memory for all of them. */
  to: QuantizedRows;
}

/**
 * As `columnsDispatch`, with inputs rounded to integers: a dispatch that rounds, and one that multiplies. Null besides where
 * weights are no integers.
 */
export function roundedColumnsDispatches(
  features: GpuFeatures,
  specs: readonly DispatchSpec[],
  { digits, to }: Rounding,
): { rounding: DispatchSpec; product: DispatchSpec } | null {
  const all = together(specs);
  const { scheme = '' } = all?.first.variant ?? {};
  if (!all || !isOfIntegers({ scheme })) return null;
  const { first, columns, inputs, squares, strides } = all;
  const { rows = 0, blocks = 0, columns4 = 0, squares4 = 0, eps = 0 } = first.params ?? {};
  const sequences = specs.length;
  const norm = { squares: spanOf(squares), squares4, stride4: strides['squares_stride']!, eps };
  const x = {
    x: spanOf(inputs),
    stride4: strides['v_stride']!,
    columns: 4 * columns4,
    rows: sequences,
    norm: columns.normed ? norm : null,
  };
  const teams = roundedTeamsFor(features, { rows, blocks, columns: sequences, digits, scheme });
  const constants = { ...teams, COLUMNS: sequences, DIGITS: digits };
  const groupRows = 4 * teams.ROWS4 * teams.TEAMS;
  const product = productOf(all, columns.rounded, groupRows, constants, { q: to.x, q_scale: to.x_scale });
  return {
    rounding: quantizeVectors(features, first.label, x, to, digits),
    product: { ...product, params: { ...product.params, q_blocks: columnBlocks(x.columns) } },
  };
}
