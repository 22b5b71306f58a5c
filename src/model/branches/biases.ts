import type { BufferSlice } from '../../gpu/buffers.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { addBias } from '../../kernels/shared/add_bias.ts';
import { type Biased, hasBias } from '../../architecture/architecture.ts';
import type { Scope } from '../scope.ts';

/** A bias, and what it is added to. */
interface BiasUse {
  /** Our name of the tensor. */
  name: string;
  label: string;
  /** (T, columns) */
  y: BufferSlice;
  columns: number;
}

/** y += bias, if the model has such. The bias may be added before a branch's output goes into the stream, or after. */
export function withBias(scope: Scope, what: Biased, { name, label, y, columns }: BiasUse): DispatchSpec[] {
  if (!hasBias(scope.architecture, what)) return [];
  return [addBias(scope.features, label, { bias: scope.weights.plain(name, columns), y }, { columns })];
}
