import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import type { PassLength } from '../kernels/shared/pass-length.ts';
import type { Activations } from './activations.ts';
import type { Architecture } from '../architecture/architecture.ts';
import type { PlacedWeights } from './placed-weights.ts';
import type { BlockState } from './state.ts';

/** All that a pass reads and writes. */
export interface Scope {
  architecture: Architecture;
  features: GpuFeatures;
  /** How long the passes are that the dispatches are for. */
  pass: PassLength;
  weights: PlacedWeights;
  activations: Activations;
  blocks: readonly BlockState[];
  /** (positions, dims/2) of cos and sin. */
  rope: BufferSlice;
  /** The same for blocks that turn in a way of their own; that of the others where there are no such. */
  localRope: BufferSlice;
  /** Whether h comes out of a norm: half-precision tiles are used for such inputs only. */
  normed: boolean;
  /** Whether steps of several sequences become one, which read each matrix once for all of them. */
  batched?: boolean;
  /**
   * In the place of `u`, memory of a block's own with room for what moves its state: where it is known later how many of
   * several positions move it. Undefined for blocks without such a state.
   */
  moving?: readonly (BufferSlice | undefined)[];
}

/** How the stream reaches a norm in decode: partial sums of its squares (shaders/lib/to_norm.wgsl). */
export interface StreamNorm {
  squares: number;
  eps: number;
}

/** The dispatches of one sort of branch, of the block of the given number. */
export interface BranchPlan {
  /**
   * T tokens: from h (T, C), normed, to x, which the branch adds to. It leaves h as it is; `shared` alone makes another h,
   * and decode's h and squares, for those behind it.
   */
  prefill(scope: Scope, block: number): DispatchSpec[];
  /**
   * One token, all that depends on h and `squares`. Branches side by side read them one after the other, before the
   * first of them adds to the stream: what they leave for `decodeAdd` lies in buffers of their own.
   */
  decodeRead(scope: Scope, block: number, norm: StreamNorm): DispatchSpec[];
  /** One token, the rest: adds to x, on its way into the norm of weight `nextNorm`. */
  decodeAdd(scope: Scope, block: number, nextNorm: BufferSlice): DispatchSpec[];
  /**
   * Behind one step over several positions of one sequence: moves the state by the first of them, as many as the pass has
   * tokens. Absent where a branch cannot tell its outputs without moving its state, so that none could be taken back.
   */
  advance?(positions: readonly Scope[], block: number): DispatchSpec[];
}
