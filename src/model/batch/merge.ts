import { BambaError } from '../../errors.ts';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { columnsDispatch, roundedColumnsDispatches, type Rounding } from '../../kernels/projections/columns.ts';
import { slotsDispatch } from '../../kernels/shared/slots.ts';

// The steps of several sequences, or of several positions of one, dispatch by dispatch: those that a kernel can do at once
// become one, all others stay.

/** The dispatches of one sequence's step. */
export interface SlotSpecs {
  /** Where its `Step` is. */
  step: BufferSlice;
  specs: readonly DispatchSpec[];
}

/**
 * One list of the steps of several sequences. They are of one model and have the same dispatches in the same order, but that
 * some of them may be repeated: attention has one for each segment of keys and values.
 * @param rounding how inputs of products with a matrix of integers are rounded; null for not at all.
 * @param several makes one dispatch of those that are no products, where it can
 */
export function mergeSteps(
  features: GpuFeatures,
  slots: readonly SlotSpecs[],
  rounding: Rounding | null = null,
  several: typeof slotsDispatch = slotsDispatch,
): DispatchSpec[] {
  const merged = new Merged(features, rounding, several);
  const next = slots.map(() => 0);
  const head = (slot: number) => slots[slot]!.specs[next[slot]!];
  const take = (of: readonly number[]) => {
    const specs = of.map((slot) => ({ ...head(slot)!, step: slots[slot]!.step }));
    for (const slot of of) next[slot]!++;
    merged.add(specs);
  };
  const all = [...slots.keys()];
  for (;;) {
    const heads = all.map(head);
    const same = heads.every((spec) => spec?.kernel === heads[0]?.kernel && spec?.label === heads[0]?.label);
    if (same && !heads[0]) return merged.specs;
    const last = merged.specs.at(-1)?.kernel;
    // Where they differ, some go on with what all have begun.
    const going = same ? all : all.filter((slot) => heads[slot]?.kernel === last);
    if (going.length === 0) throw new BambaError('internal', 'The steps of two sequences of one model are not alike.');
    take(going);
  }
}

class Merged {
  readonly specs: DispatchSpec[] = [];
  readonly #features: GpuFeatures;
  readonly #rounding: Rounding | null;
  readonly #several: typeof slotsDispatch;
  /** What the last rounding read, as long as the memory for it holds what came of that. */
  #rounded: readonly BufferSlice[] | null = null;

  constructor(features: GpuFeatures, rounding: Rounding | null, several: typeof slotsDispatch) {
    this.#features = features;
    this.#rounding = rounding;
    this.#several = several;
  }

  /** One dispatch that does what these do, or two, or these. */
  add(specs: readonly DispatchSpec[]): void {
    if (specs.length > 1 && this.#addRounded(specs)) return;
    this.#rounded = null;
    const merged = specs.length > 1 ? (columnsDispatch(this.#features, specs) ?? this.#several(specs)) : null;
    this.specs.push(...(merged ? [merged] : specs));
  }

  /** Products of one input with several matrices, or several parts of one, round it once. */
  #addRounded(specs: readonly DispatchSpec[]): boolean {
    const both = this.#rounding && roundedColumnsDispatches(this.#features, specs, this.#rounding);
    if (!both) return false;
    const { rounding, product } = both;
    const read = rounding.kernel.reads.map((name) => rounding.buffers[name]!);
    const isThere = this.#rounded?.every((range, index) => isSameRange(range, read[index]!));
    if (!isThere) this.specs.push(rounding);
    this.specs.push(product);
    const written = product.kernel.writes.map((name) => product.buffers[name]!.buffer);
    this.#rounded = read.some(({ buffer }) => written.includes(buffer)) ? null : read;
    return true;
  }
}

function isSameRange(a: BufferSlice, b: BufferSlice): boolean {
  return a.buffer === b.buffer && a.offset === b.offset && a.size === b.size;
}
