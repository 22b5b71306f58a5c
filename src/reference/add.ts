import { at, type Values } from './values.ts';

/** a + b, of one shape. */
export function add(a: Values, b: Values): Float64Array {
  if (a.length !== b.length) throw new RangeError(`Cannot add ${a.length} and ${b.length} elements.`);
  return Float64Array.from({ length: a.length }, (_, i) => at(a, i) + at(b, i));
}
