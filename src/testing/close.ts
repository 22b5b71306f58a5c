// Comparison of tensors, with a message that shows where and how far they are apart.

/** What may lie between an actual and an expected tensor; every bound that is given has to hold. */
export interface Tolerance {
  /** |actual - expected| of an element is at most abs + rel * |expected|; a number, or one for each element. */
  abs?: number | ArrayLike<number>;
  /** Of the expected element; 0 where only `abs` is given. */
  rel?: number;
  /** Sum of squared differences over sum of squared expected elements: relative L2 error squared. */
  nmse?: number;
  /** |actual - expected| of an element over the largest |expected| of the tensor. */
  ofLargest?: number;
}

/** How far two tensors are apart. */
export interface Difference {
  /** Index of the largest |actual - expected|; of the first element that is not finite, if there is one. */
  index: number;
  abs: number;
  largest: number;
  nmse: number;
}

/** Measures a difference; tensors of different lengths are an error. */
export function measure(actual: ArrayLike<number>, expected: ArrayLike<number>): Difference {
  if (actual.length !== expected.length) {
    throw new Error(`The tensors have ${actual.length} and ${expected.length} elements.`);
  }
  let [index, abs, largest, errors, squares] = [0, 0, 0, 0, 0];
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!Number.isFinite(difference)) return { index: i, abs: Infinity, largest: NaN, nmse: Infinity };
    if (difference > abs) [index, abs] = [i, difference];
    largest = Math.max(largest, Math.abs(expected[i]!));
    errors += difference ** 2;
    squares += expected[i]! ** 2;
  }
  return { index, abs, largest, nmse: errors === 0 ? 0 : errors / squares };
}

/**
 * Fails where `actual` is not within `tolerance` of `expected`; NaN and infinities are never close.
 *
 * ```ts
 * expectClose(y, rmsNorm(x, weight, eps), { abs: 1e-6, rel: 1e-5 }, 'y');
 * ```
 * @throws Error with the worst element, its index and the bound that it breaks.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what = 'tensor',
): void {
  const { index, abs, largest, nmse } = measure(actual, expected);
  const broken: string[] = [];
  if (tolerance.abs !== undefined || tolerance.rel !== undefined) {
    const { abs: absolute = 0, rel = 0 } = tolerance;
    const boundOf = (i: number) =>
      (typeof absolute === 'number' ? absolute : absolute[i]!) + rel * Math.abs(expected[i]!);
    const worst = worstElement(actual, expected, boundOf);
    if (worst !== null) {
      const bound = boundOf(worst);
      broken.push(`${place(actual, expected, worst)}, more than ${bound.toExponential(2)} apart`);
    }
  }
  if (tolerance.ofLargest !== undefined && !(abs <= tolerance.ofLargest * largest)) {
    const share = (abs / largest).toExponential(2);
    broken.push(`${place(actual, expected, index)}, ${share} of the largest; ${tolerance.ofLargest} is allowed`);
  }
  if (tolerance.nmse !== undefined && !(nmse <= tolerance.nmse)) {
    broken.push(`${place(actual, expected, index)} at worst; NMSE ${nmse.toExponential(2)}, at most ${tolerance.nmse}`);
  }
  if (broken.length > 0) throw new Error(`${what} (${actual.length} elements): ${broken.join('; ')}`);
}

/** Index of the element that exceeds its bound by most, or null. */
function worstElement(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  boundOf: (index: number) => number,
): number | null {
  let worst: number | null = null;
  let excess = 0;
  for (let i = 0; i < actual.length; i++) {
    const beyond = Math.abs(actual[i]! - expected[i]!) - boundOf(i);
    if (Number.isNaN(beyond)) return i;
    if (beyond > excess) [worst, excess] = [i, beyond];
  }
  return worst;
}

function place(actual: ArrayLike<number>, expected: ArrayLike<number>, index: number): string {
  return `element ${index} is ${actual[index]} instead of ${expected[index]}`;
}
