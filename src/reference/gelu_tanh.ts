/**
 * x / 2 * (1 + tanh(z)) with z = sqrt(2 / pi) * (x + 0.044715 x^3), as x / (1 + e^-2z), which keeps its digits far below
 * zero. Hendrycks & Gimpel 2016.
 */
export function geluTanh(x: number): number {
  return x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
