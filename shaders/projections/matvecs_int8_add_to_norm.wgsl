// uses: lib/grid.wgsl, lib/sharers.wgsl, lib/weight.wgsl, lib/scales.wgsl, lib/biased.wgsl, lib/bytes.wgsl, lib/integers.wgsl, lib/columns.wgsl, lib/matvecs_int8.wgsl, lib/add_columns_to_norm.wgsl
// matvecs_int8_add_to_norm: x[b, r] += sum_c W[r, c] * q_scale[b, c / 128] * q[b, c], of every sequence b of a batch, on
//   its way into the next RMSNorm: h = x * norm_weight,
//   x_squares[b, r / 4] = x[b, r]^2 + .. + x[b, r + 3]^2
//
// Shapes    q: (COLUMNS, DIGITS, q_blocks) of 16 int8;  q_scale: (COLUMNS, groups of 128) f32, with all that a norm divides
//           by;  weights: (rows, C), int8 or int4;  norm_weight: (all rows) f32;  x, h: (COLUMNS, all rows) f32;  x_squares:
//           (COLUMNS, all rows / 4). rows and first_row are multiples of 4. From a sequence to the next it is x_stride,
//           h_stride and x_squares_stride.
// Mapping   one team four rows, or eight, for all sequences. In the end an invocation has the sums of one sequence and four
//           rows of one team. Twice the rows read the columns half as often, which pays where two digits are to be read.
// Constants WG       invocations a workgroup, a power of two, at least COLUMNS * TEAMS.
//           TEAMS    of a workgroup, a power of two, at most WG / 8.
//           COLUMNS  sequences: 2, 4, 8 or 16.
//           DIGITS   of int8 that a number of q has: 1 or 2.
//           ROWS4    sets of four rows of a team: 1 or 2.
// Source    reference: quantize_rows.ts, matmul.ts, add.ts, to_norm.ts in src/reference.

override WG: u32 = 64;
override TEAMS: u32 = 4;
override COLUMNS: u32 = 4;
override DIGITS: u32 = 1;
override ROWS4: u32 = 1;

struct Params {
  rows: u32,
  first_row: u32,         // of x
  blocks: u32,            // 16-byte blocks of a row
  q_blocks: u32,          // of a digit of a row of q
  x_stride: u32,          // in vec4f, as the next one
  h_stride: u32,
  x_squares_stride: u32,  // in f32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4u>;              // (COLUMNS, DIGITS, q_blocks)
@group(0) @binding(2) var<storage, read> q_scale: array<f32>;          // (COLUMNS, groups)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;        // (rows, C)
@group(0) @binding(4) var<storage, read> norm_weight: array<vec4f>;    // (rows of all parts)
@group(0) @binding(5) var<storage, read_write> x: array<vec4f>;        // (COLUMNS, rows of all parts)
@group(0) @binding(6) var<storage, read_write> h: array<vec4f>;        // (COLUMNS, rows of all parts)
@group(0) @binding(7) var<storage, read_write> x_squares: array<f32>;  // (COLUMNS, rows of all parts / 4)

@compute @workgroup_size(WG)
fn matvecs_int8_add_to_norm(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group_first = folded_group(group) * ROWS4 * TEAMS * 4;
  if (group_first >= params.rows) {
    return;
  }
  let sums = matvecs_rows(group_first + 4 * own_team(lane), lane);
  add_columns_to_norm(sums.one, group_first, lane);
  if (ROWS4 == 2) {
    workgroupBarrier();
    add_columns_to_norm(sums.two, group_first + 4 * TEAMS, lane);
  }
}
