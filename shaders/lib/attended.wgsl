// Rows of attention's output on their way between segments of the cache: what those before left, and what the next goes on
// from. The kernel binds `y: array<vec4f>` (T, heads, head_dim) and `sums: array<vec2f>` (T, heads), read_write, has
// `params` and `step`, overrides HEAD_DIM4, and uses lib/rows.wgsl. Four rows are eight apart.

struct Rows {
  kv_head: u32,
  sharing: u32,  // query heads of a KV head
  count: u32,    // of all workgroups
}

// Of four rows (columns): vec4f's column, column + 16, .. of the output.
struct Output {
  first: mat4x4f,
  second: mat4x4f,
  third: mat4x4f,
  fourth: mat4x4f,
}

fn scaled_output(output: Output, factors: vec4f) -> Output {
  return Output(
    scaled_rows(output.first, factors),
    scaled_rows(output.second, factors),
    scaled_rows(output.third, factors),
    scaled_rows(output.fourth, factors),
  );
}

// The keys of the segment that rows see. Rows past the end see what the last one does.
fn seen_keys(row: vec4u, rows: Rows) -> vec4u {
  let seen = step.position + 1 + min(row, vec4u(rows.count - 1)) / rows.sharing;
  return min(max(seen, vec4u(params.segment_first)) - params.segment_first, vec4u(params.segment_tokens));
}

// Where a row is among (T, heads); one past the end is the last.
fn output_row(rows: Rows, at: u32) -> u32 {
  let row = min(at, rows.count - 1);
  return row / rows.sharing * params.heads + rows.kv_head * rows.sharing + row % rows.sharing;
}

fn read_row(rows: Rows, at: u32, d4: u32) -> vec4f {
  return y[output_row(rows, at) * HEAD_DIM4 + min(d4, HEAD_DIM4 - 1)];
}

fn read_rows(rows: Rows, at: u32, d4: u32) -> mat4x4f {
  return mat4x4f(
    read_row(rows, at, d4),
    read_row(rows, at + 8, d4),
    read_row(rows, at + 16, d4),
    read_row(rows, at + 24, d4),
  );
}

fn read_output(rows: Rows, at: u32, column: u32, factors: vec4f) -> Output {
  let output = Output(
    read_rows(rows, at, column),
    read_rows(rows, at, column + 16),
    read_rows(rows, at, column + 32),
    read_rows(rows, at, column + 48),
  );
  return scaled_output(output, factors);
}

fn write_row(rows: Rows, at: u32, d4: u32, value: vec4f) {
  if (at < rows.count && d4 < HEAD_DIM4) {
    y[output_row(rows, at) * HEAD_DIM4 + d4] = value;
  }
}

fn write_rows(rows: Rows, at: u32, d4: u32, output: mat4x4f) {
  write_row(rows, at, d4, output[0]);
  write_row(rows, at + 8, d4, output[1]);
  write_row(rows, at + 16, d4, output[2]);
  write_row(rows, at + 24, d4, output[3]);
}

fn write_output(rows: Rows, at: u32, column: u32, output: Output) {
  write_rows(rows, at, column, output.first);
  write_rows(rows, at, column + 16, output.second);
  write_rows(rows, at, column + 32, output.third);
  write_rows(rows, at, column + 48, output.fourth);
}

// Largest scores in the first column, totals in the second.
fn read_sums(rows: Rows, at: u32) -> mat2x4f {
  let a = sums[output_row(rows, at)];
  let b = sums[output_row(rows, at + 8)];
  let c = sums[output_row(rows, at + 16)];
  let d = sums[output_row(rows, at + 24)];
  return transpose(mat4x2f(a, b, c, d));
}

fn write_sum(rows: Rows, at: u32, highest: f32, total: f32) {
  if (at < rows.count) {
    sums[output_row(rows, at)] = vec2f(highest, total);
  }
}

fn write_sums(rows: Rows, at: u32, highest: vec4f, total: vec4f) {
  write_sum(rows, at, highest.x, total.x);
  write_sum(rows, at + 8, highest.y, total.y);
  write_sum(rows, at + 16, highest.z, total.z);
  write_sum(rows, at + 24, highest.w, total.w);
}
