// The inner loop of products of a matrix with a few vectors, one for each sequence of a batch: the columns of a matrix.
// A team of invocations reads four rows of weights once, decodes them once, and multiplies them by every column. The kernel
// binds `weights: array<vec4u>` and `v: array<vec4f>` of COLUMNS vectors, has in Params `rows`, `blocks`, `columns4` and
// `v_stride`, from a vector to the next, overrides WG, TEAMS of a workgroup, and COLUMNS: 2, 4, 8 or 16, and uses
// lib/columns.wgsl.

const NEIGHBOURS: u32 = 4;

// Adds a vec4f of a column by that of four rows: t0 has the first element of each row.
fn add_column(sum: vec4f, at: u32, t0: vec4f, t1: vec4f, t2: vec4f, t3: vec4f) -> vec4f {
  let x = v[at];
  var next = fma(vec4f(x.x), t0, sum);
  next = fma(vec4f(x.y), t1, next);
  next = fma(vec4f(x.z), t2, next);
  return fma(vec4f(x.w), t3, next);
}

// Adds vec4f `index` of all columns by that of four rows. Behind the last there is nothing to add: what a block is filled up
// with may stand for any weight.
fn add_columns(sums: Columns, index: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> Columns {
  if (index >= params.columns4) {
    return sums;
  }
  let t0 = vec4f(a.x, b.x, c.x, d.x);
  let t1 = vec4f(a.y, b.y, c.y, d.y);
  let t2 = vec4f(a.z, b.z, c.z, d.z);
  let t3 = vec4f(a.w, b.w, c.w, d.w);
  let stride = params.v_stride;
  var next = sums;
  next.c0 = add_column(sums.c0, index, t0, t1, t2, t3);
  next.c1 = add_column(sums.c1, index + stride, t0, t1, t2, t3);
  if (COLUMNS > 2) {
    next.c2 = add_column(sums.c2, index + 2 * stride, t0, t1, t2, t3);
    next.c3 = add_column(sums.c3, index + 3 * stride, t0, t1, t2, t3);
  }
  if (COLUMNS > 4) {
    next.c4 = add_column(sums.c4, index + 4 * stride, t0, t1, t2, t3);
    next.c5 = add_column(sums.c5, index + 5 * stride, t0, t1, t2, t3);
    next.c6 = add_column(sums.c6, index + 6 * stride, t0, t1, t2, t3);
    next.c7 = add_column(sums.c7, index + 7 * stride, t0, t1, t2, t3);
  }
  if (COLUMNS > 8) {
    next.c8 = add_column(sums.c8, index + 8 * stride, t0, t1, t2, t3);
    next.c9 = add_column(sums.c9, index + 9 * stride, t0, t1, t2, t3);
    next.c10 = add_column(sums.c10, index + 10 * stride, t0, t1, t2, t3);
    next.c11 = add_column(sums.c11, index + 11 * stride, t0, t1, t2, t3);
    next.c12 = add_column(sums.c12, index + 12 * stride, t0, t1, t2, t3);
    next.c13 = add_column(sums.c13, index + 13 * stride, t0, t1, t2, t3);
    next.c14 = add_column(sums.c14, index + 14 * stride, t0, t1, t2, t3);
    next.c15 = add_column(sums.c15, index + 15 * stride, t0, t1, t2, t3);
  }
  return next;
}

// Half a block of a row, with the scale of its group.
fn scaled_half(block: vec4u, half: u32, scale: vec2f) -> mat4x4f {
  var values = decode_half(block, half);
  if (GROUPED) {
    let minimum = vec4f(scale.y);
    values = scale.x * values + mat4x4f(minimum, minimum, minimum, minimum);
  }
  return values;
}

// This lane's share of the dot products of rows first .. first+3 and all columns; rows past the end repeat the last one.
fn matvecs_rows(first: u32, lane: u32) -> Columns {
  let row = min(vec4u(first) + vec4u(0, 1, 2, 3), vec4u(params.rows - 1));
  let base = row * params.blocks;
  var sums = Columns();
  for (var block = own_block(lane); block < params.blocks; block += WG / TEAMS) {
    let w0 = weights[base.x + block];
    let w1 = weights[base.y + block];
    let w2 = weights[base.z + block];
    let w3 = weights[base.w + block];
    let s0 = block_scale(row.x, block, params.rows, params.blocks);
    let s1 = block_scale(row.y, block, params.rows, params.blocks);
    let s2 = block_scale(row.z, block, params.rows, params.blocks);
    let s3 = block_scale(row.w, block, params.rows, params.blocks);
    for (var half = 0u; half < HALVES; half++) {
      let at = (block * HALVES + half) * BLOCK4;
      let a = scaled_half(w0, half, s0);
      let b = scaled_half(w1, half, s1);
      let c = scaled_half(w2, half, s2);
      let d = scaled_half(w3, half, s3);
      sums = add_columns(sums, at, a[0], b[0], c[0], d[0]);
      if (BLOCK4 > 1) {
        sums = add_columns(sums, at + 1, a[1], b[1], c[1], d[1]);
      }
      if (BLOCK4 > 2) {
        sums = add_columns(sums, at + 2, a[2], b[2], c[2], d[2]);
        sums = add_columns(sums, at + 3, a[3], b[3], c[3], d[3]);
      }
    }
  }
  return sums;
}
