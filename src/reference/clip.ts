/** y = min(max(x, -limit), limit) of every element. */
export function clip(x: Float64Array, limit: number): Float64Array {
  return x.map((value) => Math.min(Math.max(value, -limit), limit));
}
