/** Numbers of a tensor, row-major; references read any array and give f64. */
export type Values = ArrayLike<number>;

/** Element of a tensor; beyond its end it is an error, so that a wrong shape never passes for zeros. */
export function at(values: Values, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`A tensor of ${values.length} elements has no element ${index}.`);
  return value;
}

/** Rows of a tensor with `columns` in a row. */
export function rowCount(values: Values, columns: number): number {
  const rows = values.length / columns;
  if (!Number.isInteger(rows)) throw new RangeError(`${values.length} elements are no rows of ${columns}.`);
  return rows;
}

/** The same numbers in f64: one kind of array in the innermost loops, which only then are fast. */
export function asFloats(values: Values): Float64Array {
  return values instanceof Float64Array ? values : new Float64Array(values);
}
