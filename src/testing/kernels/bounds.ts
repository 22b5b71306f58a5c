// How far f32 results may be from exact ones, from the accuracy that WGSL promises.

/** Largest relative error of one rounding to f32. */
export const HALF_ULP = 2 ** -24;

/**
 * Relative error of a sum of `terms` products in f32, in any order, with respect to the sum of their magnitudes: one
 * rounding for each product and each addition that it passes through, and a few more for scales around it.
 */
export function sumBound(terms: number): number {
  return (terms + 16) * HALF_ULP;
}

/** Relative error of exp(x): 3 + 2|x| ulp, and that of an argument which has been rounded. */
export function expBound(x: number): number {
  return (8 + 6 * Math.abs(x)) * HALF_ULP;
}

/** |values|, for sums of magnitudes. */
export function magnitudes(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values, Math.abs);
}
