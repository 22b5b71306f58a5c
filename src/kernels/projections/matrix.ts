import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { type Variant, variantFor } from '../../gpu/kernel.ts';
import { nextPowerOfTwo } from '../shared/grid.ts';

/** Rows firstRow .. firstRow + rows of a matrix, in one buffer range: all weights, then all scales. */
export interface MatrixPart {
  slice: BufferSlice;
  firstRow: number;
  rows: number;
}

/** A weight matrix (rows, columns) on the GPU; several parts where one binding would be too large. */
export interface Matrix {
  scheme: string;
  rows: number;
  columns: number;
  parts: readonly MatrixPart[];
}

const WEIGHTS_PER_BLOCK: Readonly<Record<string, number>> = { f32: 4, f16: 8, int8: 16, fp8: 16, int4: 32 };

/** Whether a matrix is of integers with scales, which kernels on integers multiply. */
export function isOfIntegers({ scheme }: Pick<Matrix, 'scheme'>): boolean {
  return scheme === 'int8' || scheme === 'int4';
}

/** 16-byte blocks of a row. */
export function rowBlocks(matrix: Pick<Matrix, 'scheme' | 'columns'>): number {
  return Math.ceil(matrix.columns / WEIGHTS_PER_BLOCK[matrix.scheme]!);
}

/** What the dispatches of all parts of a matrix share. */
export function matrixParams(matrix: Matrix, part: MatrixPart) {
  return {
    rows: part.rows,
    first_row: part.firstRow,
    blocks: rowBlocks(matrix),
    columns4: matrix.columns / 4,
  };
}

/**
 * Most subgroups in a workgroup of a matvec where nobody has measured. Subgroups narrower than 16 are a processor's
 * vectors, and of those one is enough.
 */
export function defaultMatvecSubgroups({ subgroupSize }: Pick<GpuFeatures, 'subgroupSize'>): number {
  return subgroupSize < 16 ? 1 : 4;
}

/** Whether a matrix has too few rows to fill the GPU. */
function isNarrow({ narrowRows }: GpuFeatures, { rows }: Matrix): boolean {
  return rows <= narrowRows;
}

/**
 * Invocations for a matvec: one subgroup to some, and no more than a row has blocks, so that short rows do not leave
 * lanes idle.
 */
export function matvecWorkgroup(features: GpuFeatures, matrix: Matrix): number {
  const { subgroupSize, matvecSubgroups = defaultMatvecSubgroups(features) } = features;
  // Of a narrow matrix, all is read at once.
  const most = isNarrow(features, matrix) ? 2 * matvecSubgroups : matvecSubgroups;
  const subgroups = Math.min(most, Math.ceil(rowBlocks(matrix) / subgroupSize));
  return Math.min(256, subgroupSize * nextPowerOfTwo(subgroups));
}

/** Bytes of workgroup memory that a group of columns takes in fixed point, and a subgroup of the smallest size for sums. */
const FIXED_GROUP_BYTES = 72;
const SUBGROUP_BYTES = 20;
const TEAMS = 8; // more make the activations' fixed point cheaper, and leave fewer workgroups

/**
 * How a matvec's workgroups are made of teams with four rows each, and so how many rows a workgroup has. With int4 weights,
 * where the device is known to be quick at it, activations become fixed point (lib/fixed/matvec.wgsl): by 32 rows, of which
 * a narrow matrix has too few.
 */
export function matvecTeams(
  features: GpuFeatures,
  matrix: Matrix,
): { variant: Variant; constants: { WG: number; TEAM: number; SEGMENT: number }; rows: number } {
  const { subgroupSize, fixedPoint, maxInvocations, workgroupBytes } = features;
  const variant = variantFor(features, matrix.scheme);
  if (!fixedPoint || matrix.scheme !== 'int4' || isNarrow(features, matrix)) {
    const workgroup = matvecWorkgroup(features, matrix);
    return { variant, constants: { WG: workgroup, TEAM: workgroup, SEGMENT: 1 }, rows: 4 };
  }
  const blocks = rowBlocks(matrix);
  const team = subgroupSize * (blocks < 8 * subgroupSize ? 1 : 2);
  const workgroup = team * Math.max(1, Math.min(TEAMS, Math.floor(maxInvocations / team)));
  const free = workgroupBytes - SUBGROUP_BYTES * (workgroup / 4 + 2);
  return {
    variant: { ...variant, fixedPoint: true },
    constants: { WG: workgroup, TEAM: team, SEGMENT: Math.min(blocks, Math.floor(free / FIXED_GROUP_BYTES)) },
    rows: 4 * (workgroup / team),
  };
}

/** Variant of a matmul: half-precision tiles only for inputs that are normed, and so within f16's range. */
export function matmulVariant(features: GpuFeatures, matrix: Matrix, normed: boolean): Variant {
  const variant = variantFor(features, matrix.scheme);
  return { ...variant, f16: variant.f16 && normed && matrix.scheme !== 'f32' };
}
