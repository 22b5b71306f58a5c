/** y = max(x, 0)^2 of every element. So et al. 2021. */
export function relu2(x: Float64Array): Float64Array {
  return x.map((value) => Math.max(value, 0) ** 2);
}
