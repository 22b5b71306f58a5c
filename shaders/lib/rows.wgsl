// Products in tiles, four columns of one matrix at a time: sums of four columns a row. A matrix here is four rows, each a
// column of it. It is indexed by constants alone: one that a variable indexes may come to lie in memory.

// sum + row times four columns.
fn with_row(sum: vec4f, row: vec4f, c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f) -> vec4f {
  return fma(vec4f(row.w), c3, fma(vec4f(row.z), c2, fma(vec4f(row.y), c1, fma(vec4f(row.x), c0, sum))));
}

fn with_rows(sums: mat4x4f, rows: mat4x4f, columns: mat4x4f) -> mat4x4f {
  return mat4x4f(
    with_row(sums[0], rows[0], columns[0], columns[1], columns[2], columns[3]),
    with_row(sums[1], rows[1], columns[0], columns[1], columns[2], columns[3]),
    with_row(sums[2], rows[2], columns[0], columns[1], columns[2], columns[3]),
    with_row(sums[3], rows[3], columns[0], columns[1], columns[2], columns[3]),
  );
}

fn scaled_rows(rows: mat4x4f, factors: vec4f) -> mat4x4f {
  return mat4x4f(rows[0] * factors.x, rows[1] * factors.y, rows[2] * factors.z, rows[3] * factors.w);
}

fn exp_rows(rows: mat4x4f, highest: vec4f) -> mat4x4f {
  return mat4x4f(
    exp(rows[0] - highest.x),
    exp(rows[1] - highest.y),
    exp(rows[2] - highest.z),
    exp(rows[3] - highest.w),
  );
}

fn largest(value: vec4f) -> f32 {
  return max(max(value.x, value.y), max(value.z, value.w));
}

fn largest_of_rows(rows: mat4x4f) -> vec4f {
  return vec4f(largest(rows[0]), largest(rows[1]), largest(rows[2]), largest(rows[3]));
}

// `masked` in place of columns that lie at or behind the row's end.
fn masked_rows(rows: mat4x4f, column: vec4u, ends: vec4u, masked: f32) -> mat4x4f {
  return mat4x4f(
    select(vec4f(masked), rows[0], column < vec4u(ends.x)),
    select(vec4f(masked), rows[1], column < vec4u(ends.y)),
    select(vec4f(masked), rows[2], column < vec4u(ends.z)),
    select(vec4f(masked), rows[3], column < vec4u(ends.w)),
  );
}

// `masked` in place of columns that lie before the row's first.
fn rows_from(rows: mat4x4f, column: vec4u, firsts: vec4u, masked: f32) -> mat4x4f {
  return mat4x4f(
    select(vec4f(masked), rows[0], column >= vec4u(firsts.x)),
    select(vec4f(masked), rows[1], column >= vec4u(firsts.y)),
    select(vec4f(masked), rows[2], column >= vec4u(firsts.z)),
    select(vec4f(masked), rows[3], column >= vec4u(firsts.w)),
  );
}
