// What a converter does to tensors on their way into a GGUF file.

/** A tensor with its dimensions, rows first. */
export interface Weights {
  shape: readonly number[];
  values: Float32Array;
}

/** Rows of a tensor in another order: `from(row)` says which row comes there. */
export function rowsFrom({ shape, values }: Weights, from: (row: number) => number): Weights {
  const rows = shape.length > 1 ? shape.slice(0, -1).reduce((product, size) => product * size, 1) : shape[0]!;
  const columns = values.length / rows;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const begin = from(row) * columns;
    out.set(values.subarray(begin, begin + columns), row * columns);
  }
  return { shape, values: out };
}

/** Rows [begin, end) of a matrix. */
export function someRows({ shape, values }: Weights, begin: number, end: number): Weights {
  const columns = shape.at(-1)!;
  return { shape: [end - begin, columns], values: values.slice(begin * columns, end * columns) };
}

export function mapped({ shape, values }: Weights, map: (value: number, index: number) => number): Weights {
  return { shape, values: values.map(map) };
}

/** Rows of q and k in heads, so that those that turn with each other are neighbours. */
export function turned(weights: Weights, headDim: number): Weights {
  const half = headDim / 2;
  return rowsFrom(weights, (row) => {
    const within = row % headDim;
    return row - within + Math.floor(within / 2) + (within % 2) * half;
  });
}

/** The transpose of a matrix. */
export function transposed({ shape, values }: Weights): Weights {
  const [rows = 0, columns = 0] = shape;
  return {
    shape: [columns, rows],
    values: Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!),
  };
}

/** The two halves of the second dimension from the end, gate and up. */
export function split({ shape, values }: Weights): [Weights, Weights] {
  const [both = 0, columns = 0] = shape.slice(-2);
  const size = (both / 2) * columns;
  const half = (which: number): Weights => {
    const out = new Float32Array(values.length / 2);
    for (let at = 0; at < out.length; at += size) {
      const begin = 2 * at + which * size;
      out.set(values.subarray(begin, begin + size), at);
    }
    return { shape: [...shape.slice(0, -2), both / 2, columns], values: out };
  };
  return [half(0), half(1)];
}

/** Tensors of one shape as one, of a dimension more. */
export function stacked(tensors: readonly Weights[]): Weights {
  const { shape, values } = tensors[0]!;
  const out = new Float32Array(tensors.length * values.length);
  for (const [index, tensor] of tensors.entries()) out.set(tensor.values, index * values.length);
  return { shape: [tensors.length, ...shape], values: out };
}
