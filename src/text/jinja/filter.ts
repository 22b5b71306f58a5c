import type { Ordered } from './signature.ts';
import type { Named, Value } from './values.ts';

/** Filters and tests by their names. */
export interface Appliers {
  readonly filter: (name: string, value: Value, list: readonly Value[], named: Named) => Value;
  readonly test: (name: string, value: Value, list: readonly Value[], named: Named) => boolean;
}

/**
 * A filter: the names of its parameters behind the value, and its function. Or a filter that takes arguments as they come,
 * and may apply others.
 */
export type Filter =
  | readonly [parameters: string, apply: (value: Value, ...ordered: Ordered) => Value]
  | ((value: Value, list: readonly Value[], named: Named, appliers: Appliers) => Value);
