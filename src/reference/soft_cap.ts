/** y = cap * tanh(x / cap) of every element: about x where it is small, and never beyond the cap. */
export function softCap(x: Float64Array, cap: number): Float64Array {
  return x.map((value) => cap * Math.tanh(value / cap));
}
