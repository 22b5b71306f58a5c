import { BambaError } from '../../errors.ts';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { columnsDispatch } from '../../kernels/projections/columns.ts';
import { slotsDispatch } from '../../kernels/shared/slots.ts';

// The steps of several sequences, dispatch by dispatch: those that a kernel can do at once become one, all others stay.

/** The dispatches of one sequence's step. */
export interface SlotSpecs {
  /** Where its `Step` is. */
  step: BufferSlice;
  specs: readonly DispatchSpec[];
}

/**
 * One list of the steps of several sequences. They are of one model and have the same dispatches in the same order, but that
 * some of them may be repeated: attention has one for each segment of keys and values.
 */
export function mergeSteps(features: GpuFeatures, slots: readonly SlotSpecs[]): DispatchSpec[] {
  const merged: DispatchSpec[] = [];
  const next = slots.map(() => 0);
  const head = (slot: number) => slots[slot]!.specs[next[slot]!];
  const take = (of: readonly number[]) => {
    const specs = of.map((slot) => ({ ...head(slot)!, step: slots[slot]!.step }));
    for (const slot of of) next[slot]!++;
    merged.push(...together(features, specs));
  };
  const all = [...slots.keys()];
  for (;;) {
    const heads = all.map(head);
    const same = heads.every((spec) => spec?.kernel === heads[0]?.kernel && spec?.label === heads[0]?.label);
    if (same && !heads[0]) return merged;
    const last = merged.at(-1)?.kernel;
    // Where they differ, some go on with what all have begun.
    const going = same ? all : all.filter((slot) => heads[slot]?.kernel === last);
    if (going.length === 0) throw new BambaError('internal', 'The steps of two sequences of one model are not alike.');
    take(going);
  }
}

/** One dispatch that does what these do, or these. */
function together(features: GpuFeatures, specs: readonly DispatchSpec[]): readonly DispatchSpec[] {
  if (specs.length < 2) return specs;
  const merged = columnsDispatch(features, specs) ?? slotsDispatch(specs);
  return merged ? [merged] : specs;
}
