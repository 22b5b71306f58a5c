import { at, rowCount, type Values } from './values.ts';

/** x[t, :] = scale * embedding[ids[t], :]; embedding (V, columns), result (T, columns). */
export function embed(ids: Values, embedding: Values, columns: number, scale = 1): Float64Array {
  const rows = rowCount(embedding, columns);
  const x = new Float64Array(ids.length * columns);
  for (let t = 0; t < ids.length; t++) {
    const id = at(ids, t);
    if (!(id >= 0 && id < rows)) throw new RangeError(`Id ${id} is outside of the ${rows} rows of the embedding.`);
    for (let c = 0; c < columns; c++) x[t * columns + c] = scale * at(embedding, id * columns + c);
  }
  return x;
}
