/** A figure over all parts of an evaluation. */
export interface Metric {
  /** As lm-evaluation-harness names it, where it has it. */
  name: string;
  value: number;
  /** Standard error of `value`; null where one part alone says nothing about it. */
  stderr: number | null;
  /** Whether more of it is better. */
  higherIsBetter: boolean;
}

/** The mean of numbers, with its standard error. */
export function meanMetric(name: string, values: readonly number[]): Metric {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const stderr = values.length > 1 ? Math.sqrt(squares / (values.length - 1) / values.length) : null;
  return { name, value: mean, stderr, higherIsBetter: true };
}

/** A part of a text: its log-likelihood in nats, and how many words, bytes or tokens it has. */
export interface Weighed {
  loglikelihood: number;
  weight: number;
}

/** Nats for each unit of weight, over all parts; its error is that of a ratio of two sums, linearized. */
function natsPerWeight(parts: readonly Weighed[]): Pick<Metric, 'value' | 'stderr'> {
  const weight = parts.reduce((sum, part) => sum + part.weight, 0);
  const value = -parts.reduce((sum, part) => sum + part.loglikelihood, 0) / weight;
  const squares = parts.reduce((sum, part) => sum + (part.loglikelihood + value * part.weight) ** 2, 0);
  const count = parts.length;
  return { value, stderr: count > 1 ? Math.sqrt((squares * count) / (count - 1)) / weight : null };
}

/** e to the nats for each unit of weight. */
export function perplexityMetric(name: string, parts: readonly Weighed[]): Metric {
  const { value, stderr } = natsPerWeight(parts);
  const perplexity = Math.exp(value);
  return { name, value: perplexity, stderr: stderr === null ? null : perplexity * stderr, higherIsBetter: false };
}

/** Bits for each unit of weight. */
export function bitsMetric(name: string, parts: readonly Weighed[]): Metric {
  const { value, stderr } = natsPerWeight(parts);
  return { name, value: value / Math.LN2, stderr: stderr === null ? null : stderr / Math.LN2, higherIsBetter: false };
}
