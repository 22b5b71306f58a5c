import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import type { Kernel, Variant } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type Matrix, matrixParams } from './matrix.ts';
import type { KernelActivation } from '../shared/activations.ts';
import { type Tiles, type TileSize, tileSize } from '../shared/lane-tiles.ts';
import type { PassLength } from '../shared/pass-length.ts';

// Products of all rows of a pass with a matrix. Three kernels compute them: of f32, of int8, of subgroup matrices.

/** The constant `ACTION`, as in shaders/lib/action.wgsl. */
export const ACTIONS = { set: 0, add: 1, swiglu: 2, geglu: 3, geglu_tanh: 4, reglu2: 5 } as const;

/**
 * What becomes of a product's sums s: y = s, y += s, or y[t, f] = silu(s[t, 2f]) * s[t, 2f+1], or the same with GELU, GELU
 * by tanh, or squared ReLU.
 */
export type Action = keyof typeof ACTIONS;

/** Those that make one element of two sums. */
export type GatedAction = Exclude<Action, 'set' | 'add'>;

/** What an MLP with a gate makes of a product, by its activation. */
export const GATED_ACTIONS: Readonly<Record<KernelActivation, GatedAction>> = {
  silu: 'swiglu',
  gelu: 'geglu',
  gelu_tanh: 'geglu_tanh',
  relu2: 'reglu2',
};

/** A kernel that multiplies all rows of a pass by a matrix. */
export interface Product {
  readonly kernel: Kernel;
  /** @param normed whether the input comes out of a norm. */
  readonly variant: (features: GpuFeatures, weights: Matrix, normed: boolean, size: TileSize) => Variant;
  readonly tiles: (features: GpuFeatures, size: TileSize) => Tiles;
}

/** A product, and what becomes of its sums. */
export interface Projection {
  product: Product;
  action: Action;
}

/** Blocks of 16 columns that a row of so many columns takes. */
export function columnBlocks(columns: number): number {
  return Math.ceil(columns / 16);
}

/**
 * s = scale * x . W^T, and what becomes of it; x (T, C) as the kernel reads it, weights (rows, C), y (T, rows), or
 * (T, rows / 2) for SwiGLU, where gate and up rows are in turn. One dispatch for each part of the matrix.
 */
export function multiplyRows(
  features: GpuFeatures,
  label: string,
  { product, action }: Projection,
  { weights, y, ...input }: { x: BufferSlice; x_scale?: BufferSlice; weights: Matrix; y: BufferSlice },
  { pass, normed = false, scale = 1 }: { pass: PassLength; normed?: boolean; scale?: number },
): DispatchSpec[] {
  const size = tileSize(features, pass, weights.rows);
  const { constants, grid } = product.tiles(features, size);
  const stride = ACTIONS[action] >= ACTIONS.swiglu ? weights.rows / 2 : weights.rows;
  return weights.parts.map((part) => ({
    kernel: product.kernel,
    variant: product.variant(features, weights, normed, size),
    label,
    // A kernel of f32 counts an input's columns by four, those of integers by blocks.
    params: { ...matrixParams(weights, part), x_blocks: columnBlocks(weights.columns), stride, scale },
    constants: { ...constants, ACTION: ACTIONS[action] },
    buffers: { ...input, weights: part.slice, y },
    grid: (tokens) => grid(tokens, part.rows),
  }));
}
