// The inner loop of products of a matrix of integers with a few vectors that quantize_rows has rounded, one for each sequence
// of a batch. A team of invocations reads four or eight rows of weights once, and multiplies them by every column, four bytes
// at a time. The kernel binds `weights: array<vec4u>`, `q: array<vec4u>` (COLUMNS, DIGITS, q_blocks) and `q_scale: array<f32>`
// (COLUMNS, groups of 128), has in Params `rows`, `blocks` and `q_blocks`, overrides WG, TEAMS of a workgroup, COLUMNS: 2, 4,
// 8 or 16, ROWS4 sets of four rows of a team: 1 or 2, and DIGITS of int8 that a number has: 1 or 2, the upper one first. It
// uses lib/columns.wgsl, lib/integers.wgsl, lib/bytes.wgsl and lib/biased.wgsl.
//
// Columns of a block that share all scales are summed exactly: 16, or 32 of int4. Beyond, sums are in f32.

const NEIGHBOURS: u32 = 8;
const GROUP_BLOCKS: u32 = 8;  // of 16 columns: as in quantize_rows

// 16 columns of four rows.
struct Integers {
  a: vec4u,
  b: vec4u,
  c: vec4u,
  d: vec4u,
}

// The norm is in q_scale already.
fn column_factor(column: u32) -> f32 {
  return 1.0;
}

// A block of four rows.
struct RowBlock {
  first: Integers,
  second: Integers,  // where STORED_BLOCKS is 2
  scales: vec4f,     // of the groups that they are, where GROUPED
  at: u32,           // of the first in a column
  second_at: u32,
  group: u32,        // of the columns
}

fn dot_rows(x: u32, a: u32, b: u32, c: u32, d: u32) -> vec4i {
  return vec4i(dot_bytes(x, a), dot_bytes(x, b), dot_bytes(x, c), dot_bytes(x, d));
}

fn add_dots(sums: vec4i, x: vec4u, w: Integers) -> vec4i {
  return sums
    + dot_rows(x.x, w.a.x, w.b.x, w.c.x, w.d.x)
    + dot_rows(x.y, w.a.y, w.b.y, w.c.y, w.d.y)
    + dot_rows(x.z, w.a.z, w.b.z, w.c.z, w.d.z)
    + dot_rows(x.w, w.a.w, w.b.w, w.c.w, w.d.w);
}

// Of a team: of four rows, and of four more where ROWS4 is 2.
struct TeamSums {
  one: Columns,
  two: Columns,
}

// A digit of a column, which begins at `start`, by a block.
fn digit_dots(start: u32, block: RowBlock) -> vec4f {
  var dots = add_dots(vec4i(BIAS_BITS), q[start + block.at], block.first);
  if (STORED_BLOCKS == 2) {
    dots = add_dots(dots, q[start + block.second_at], block.second);
  }
  return unbiased(dots);
}

// Adds a column by a block.
fn add_column(sum: vec4f, column: u32, block: RowBlock) -> vec4f {
  let groups = (params.q_blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS;
  let scale = q_scale[column * groups + block.group];
  let start = column * DIGITS * params.q_blocks;
  var dots = digit_dots(start, block);
  if (DIGITS == 2) {
    dots = fma(vec4f(256.0), dots, digit_dots(start + params.q_blocks, block));
  }
  if (GROUPED) {
    dots *= block.scales;
  }
  return fma(vec4f(scale), dots, sum);
}

fn add_columns(sums: Columns, block: RowBlock) -> Columns {
  var next = sums;
  next.c0 = add_column(sums.c0, 0, block);
  next.c1 = add_column(sums.c1, 1, block);
  if (COLUMNS > 2) {
    next.c2 = add_column(sums.c2, 2, block);
    next.c3 = add_column(sums.c3, 3, block);
  }
  if (COLUMNS > 4) {
    next.c4 = add_column(sums.c4, 4, block);
    next.c5 = add_column(sums.c5, 5, block);
    next.c6 = add_column(sums.c6, 6, block);
    next.c7 = add_column(sums.c7, 7, block);
  }
  if (COLUMNS > 8) {
    next.c8 = add_column(sums.c8, 8, block);
    next.c9 = add_column(sums.c9, 9, block);
    next.c10 = add_column(sums.c10, 10, block);
    next.c11 = add_column(sums.c11, 11, block);
    next.c12 = add_column(sums.c12, 12, block);
    next.c13 = add_column(sums.c13, 13, block);
    next.c14 = add_column(sums.c14, 14, block);
    next.c15 = add_column(sums.c15, 15, block);
  }
  return next;
}

// Column by column, so that what is read of a column serves both.
fn add_both(sums: TeamSums, one: RowBlock, two: RowBlock) -> TeamSums {
  var next = sums;
  next.one.c0 = add_column(sums.one.c0, 0, one);
  next.two.c0 = add_column(sums.two.c0, 0, two);
  next.one.c1 = add_column(sums.one.c1, 1, one);
  next.two.c1 = add_column(sums.two.c1, 1, two);
  if (COLUMNS > 2) {
    next.one.c2 = add_column(sums.one.c2, 2, one);
    next.two.c2 = add_column(sums.two.c2, 2, two);
    next.one.c3 = add_column(sums.one.c3, 3, one);
    next.two.c3 = add_column(sums.two.c3, 3, two);
  }
  if (COLUMNS > 4) {
    next.one.c4 = add_column(sums.one.c4, 4, one);
    next.two.c4 = add_column(sums.two.c4, 4, two);
    next.one.c5 = add_column(sums.one.c5, 5, one);
    next.two.c5 = add_column(sums.two.c5, 5, two);
    next.one.c6 = add_column(sums.one.c6, 6, one);
    next.two.c6 = add_column(sums.two.c6, 6, two);
    next.one.c7 = add_column(sums.one.c7, 7, one);
    next.two.c7 = add_column(sums.two.c7, 7, two);
  }
  if (COLUMNS > 8) {
    next.one.c8 = add_column(sums.one.c8, 8, one);
    next.two.c8 = add_column(sums.two.c8, 8, two);
    next.one.c9 = add_column(sums.one.c9, 9, one);
    next.two.c9 = add_column(sums.two.c9, 9, two);
    next.one.c10 = add_column(sums.one.c10, 10, one);
    next.two.c10 = add_column(sums.two.c10, 10, two);
    next.one.c11 = add_column(sums.one.c11, 11, one);
    next.two.c11 = add_column(sums.two.c11, 11, two);
    next.one.c12 = add_column(sums.one.c12, 12, one);
    next.two.c12 = add_column(sums.two.c12, 12, two);
    next.one.c13 = add_column(sums.one.c13, 13, one);
    next.two.c13 = add_column(sums.two.c13, 13, two);
    next.one.c14 = add_column(sums.one.c14, 14, one);
    next.two.c14 = add_column(sums.two.c14, 14, two);
    next.one.c15 = add_column(sums.one.c15, 15, one);
    next.two.c15 = add_column(sums.two.c15, 15, two);
  }
  return next;
}

// Part `part` of a block of four rows; zeros behind the last column, where a column may be anything.
fn integers_of(w: Integers, part: u32, bits: vec4u, exists: bool) -> Integers {
  return Integers(
    select(vec4u(), stored_integers(w.a, part, bits.x), exists),
    select(vec4u(), stored_integers(w.b, part, bits.y), exists),
    select(vec4u(), stored_integers(w.c, part, bits.z), exists),
    select(vec4u(), stored_integers(w.d, part, bits.w), exists),
  );
}

// Block `block` of four rows, which is `stored`.
fn row_block(stored: Integers, row: vec4u, block: u32) -> RowBlock {
  let at = STORED_BLOCKS * block;
  var bits = vec4u();
  var made = RowBlock();
  if (GROUPED) {
    bits = vec4u(
      group_bits(row.x, block, params.rows, params.blocks),
      group_bits(row.y, block, params.rows, params.blocks),
      group_bits(row.z, block, params.rows, params.blocks),
      group_bits(row.w, block, params.rows, params.blocks),
    );
    made.scales = half_scales(bits);
  }
  made.at = at;
  made.group = at / GROUP_BLOCKS;
  made.first = integers_of(stored, 0, bits, true);
  if (STORED_BLOCKS == 2) {
    made.second_at = min(at + 1, params.q_blocks - 1);
    made.second = integers_of(stored, 1, bits, at + 1 < params.q_blocks);
  }
  return made;
}

// Block `block` of four rows; rows past the end repeat the last one.
fn read_rows(row: vec4u, base: vec4u, block: u32) -> RowBlock {
  let at = base + block;
  return row_block(Integers(weights[at.x], weights[at.y], weights[at.z], weights[at.w]), row, block);
}

// This lane's share of the dot products of rows first .. first+3 and all columns, and where ROWS4 is 2 of those 4 * TEAMS
// behind them; rows past the end repeat the last one.
fn matvecs_rows(first: u32, lane: u32) -> TeamSums {
  let last = vec4u(params.rows - 1);
  let row = min(first + vec4u(0, 1, 2, 3), last);
  let base = row * params.blocks;
  let row2 = min(first + 4 * TEAMS + vec4u(0, 1, 2, 3), last);
  let base2 = row2 * params.blocks;
  var sums = TeamSums();
  for (var block = own_block(lane); block < params.blocks; block += WG / TEAMS) {
    if (ROWS4 == 2) {
      sums = add_both(sums, read_rows(row, base, block), read_rows(row2, base2, block));
    } else {
      sums.one = add_columns(sums.one, read_rows(row, base, block));
    }
  }
  return sums;
}
