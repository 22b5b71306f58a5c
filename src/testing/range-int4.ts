// int4 whose 16 levels are the whole range of each group, with 0 in it: what the search in src/weights/int4.ts has to beat.
// Written for numbers of moderate size, and apart from that file.

/** Weights of int4 that share a scale. */
const GROUP = 32;

/** A row as it comes back from int4 by ranges. */
export function rangeInt4(row: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(row);
  for (let begin = 0; begin < values.length; begin += GROUP) roundGroup(values.subarray(begin, begin + GROUP));
  return values;
}

function roundGroup(group: Float64Array): void {
  const down = Math.min(0, ...group);
  const step = (Math.max(0, ...group) - down) / 15;
  if (step === 0) return;
  // Seven bits of mantissa. With a 0 in the group the zero point is whole, else it is one of halves.
  const unit = 2 ** (Math.floor(Math.log2(step)) - 6);
  const hasZero = group.includes(0);
  const scale = unit * (hasZero ? Math.ceil(step / unit) : nearest(step / unit));
  const zero = hasZero ? nearest(-down / scale) : nearest((-2 * down) / scale) / 2;
  for (const [i, value] of group.entries()) {
    group[i] = (Math.min(15, Math.max(0, nearest(value / scale + zero))) - zero) * scale;
  }
}

/** Ties to even. */
function nearest(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}
