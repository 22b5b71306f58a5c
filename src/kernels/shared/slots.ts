import type { BufferSlice } from '../../gpu/buffers.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

// One dispatch instead of one for each sequence of a batch. Their buffers are then ranges of common ones, as far from each
// other as a stride says.

/** The ranges that the dispatches of several sequences bind to a name. */
export function bound(specs: readonly DispatchSpec[], name: string): BufferSlice[] {
  return specs.map(({ buffers }) => buffers[name]!);
}

/**
 * From each range to the next, in elements of so many bytes: 0 where all are one. Null where they are not ranges of one
 * buffer at equal distances of whole elements.
 */
export function strideOf(ranges: readonly BufferSlice[], elementBytes: number): number | null {
  const [first, second] = ranges;
  if (!first || !second) return 0;
  const stride = second.offset - first.offset;
  const isRegular = ranges.every(
    ({ buffer, offset, size }, index) =>
      buffer === first.buffer && offset === first.offset + index * stride && size === first.size,
  );
  return isRegular && stride >= 0 && stride % elementBytes === 0 ? stride / elementBytes : null;
}

/** The range that has all of them in it. */
export function spanOf(ranges: readonly BufferSlice[]): BufferSlice {
  const first = ranges[0]!;
  const last = ranges.at(-1)!;
  return { buffer: first.buffer, offset: first.offset, size: last.offset + last.size - first.offset };
}

/** Whether dispatches differ in nothing but their buffers, and where their `Step` is. */
export function isSameWork(specs: readonly DispatchSpec[]): boolean {
  const first = specs[0]!;
  const facts = ({ variant, params, constants, grid }: DispatchSpec) =>
    JSON.stringify([variant, params, constants, typeof grid === 'function' ? 'by tokens' : grid]);
  return specs.every((spec) => spec.kernel === first.kernel && facts(spec) === facts(first));
}

/**
 * One dispatch for all sequences of a kernel that has `slots`; null where it has none, or their buffers do not lie at equal
 * distances. Their `Step`s are those that the plan has, from its first on.
 */
export function slotsDispatch(specs: readonly DispatchSpec[]): DispatchSpec | null {
  const first = specs[0]!;
  const { slots } = first.kernel;
  if (!slots || !isSameWork(specs) || typeof first.grid === 'function') return null;
  const params: Record<string, number> = { ...first.params };
  const buffers: Record<string, BufferSlice> = { ...first.buffers };
  for (const [name, { stride, bytes }] of Object.entries(slots)) {
    const ranges = bound(specs, name);
    const found = strideOf(ranges, bytes);
    if (found === null) return null;
    params[stride] = found;
    buffers[name] = spanOf(ranges);
  }
  const [x, y] = first.grid;
  const { step: _, ...shared } = first;
  return { ...shared, params, buffers, grid: [x, y, specs.length] };
}
