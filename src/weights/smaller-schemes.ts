import { planTensors, streamBytes } from './package-writer.ts';
import type { Scheme, TensorEntry, TensorSpec } from './types.ts';

/** A scheme that takes less, and how much. */
export interface SmallerScheme {
  scheme: Scheme;
  tensors: TensorEntry[];
  bytes: number;
}

/** The bytes of the same model in schemes smaller than `scheme`, the largest first. */
export function smallerSchemes(specs: readonly TensorSpec[], scheme: Scheme): SmallerScheme[] {
  const sized = (['f32', 'f16', 'int8', 'int4'] as const).map((other) => {
    const tensors = planTensors(specs, other);
    return { scheme: other, tensors, bytes: streamBytes(tensors) };
  });
  const own = streamBytes(planTensors(specs, scheme));
  return sized.filter(({ bytes }) => bytes < own);
}

/** One sentence that names a scheme that would do. */
export function suggestion({ scheme, bytes }: SmallerScheme): string {
  return `As ${scheme} (${(bytes / 1e9).toFixed(2)} GB) the model would fit.`;
}
