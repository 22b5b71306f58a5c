/** x * (the share of a standard normal distribution below x), without cancellation for very negative x. */
export function gelu(x: number): number {
  const tail = 0.5 * erfc(Math.abs(x) * Math.SQRT1_2);
  return x < 0 ? x * tail : x - x * tail;
}

/** 1 - erf(z) for z >= 0: the series of erf below 2, beyond it the continued fraction of erfc. */
function erfc(z: number): number {
  if (z < 2) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 60; n++) {
      term *= -(z * z) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 120; k > 0; k--) fraction = k / 2 / (z + fraction);
  return Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction));
}
