// uses: lib/grid.wgsl, lib/sharers.wgsl, lib/weight.wgsl, lib/scales.wgsl, lib/columns.wgsl, lib/matvecs.wgsl, lib/norm_factor.wgsl, lib/normed_columns.wgsl, lib/add_columns_to_norm.wgsl
// matvecs_add_to_norm: x[b, r] += sum_c W[r, c] * v[b, c], of every sequence b of a batch, with NORMED divided by
//   sqrt(sum(squares[b]) / C + eps); on its way into the next RMSNorm: h = x * norm_weight,
//   x_squares[b, r / 4] = x[b, r]^2 + .. + x[b, r + 3]^2
//
// Shapes    v: (COLUMNS, C) f32, with NORMED times its norm's weight;  squares: (COLUMNS, 4*squares4) f32, partial sums of
//           the inputs' squares, read only with NORMED;  weights: (rows, C), any scheme;  norm_weight: (all rows) f32;
//           x, h: (COLUMNS, all rows) f32;  x_squares: (COLUMNS, all rows / 4). rows and first_row are multiples of 4. From
//           a sequence to the next it is v_stride, squares_stride, x_stride, h_stride and x_squares_stride.
// Mapping   one team four rows, for all sequences. In the end an invocation has the sums of one sequence and one team.
// Constants WG       invocations a workgroup, a power of two, at least COLUMNS * TEAMS.
//           TEAMS    of a workgroup, a power of two, at most WG / 4.
//           COLUMNS  sequences: 2, 4, 8 or 16.
//           NORMED   1 where inputs are on their way out of a norm, 0 where they are as they are.
// Source    reference: rms_norm.ts, matmul.ts, add.ts, to_norm.ts in src/reference.

override WG: u32 = 64;
override TEAMS: u32 = 4;
override COLUMNS: u32 = 4;
override NORMED: u32 = 0;

struct Params {
  rows: u32,
  first_row: u32,         // of x
  blocks: u32,            // 16-byte blocks of a row
  columns4: u32,          // C / 4
  squares4: u32,
  eps: f32,
  v_stride: u32,          // in vec4f, as the next three
  squares_stride: u32,
  x_stride: u32,
  h_stride: u32,
  x_squares_stride: u32,  // in f32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;              // (COLUMNS, C)
@group(0) @binding(2) var<storage, read> squares: array<vec4f>;        // (COLUMNS, 4 * squares4)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;        // (rows, C)
@group(0) @binding(4) var<storage, read> norm_weight: array<vec4f>;    // (rows of all parts)
@group(0) @binding(5) var<storage, read_write> x: array<vec4f>;        // (COLUMNS, rows of all parts)
@group(0) @binding(6) var<storage, read_write> h: array<vec4f>;        // (COLUMNS, rows of all parts)
@group(0) @binding(7) var<storage, read_write> x_squares: array<f32>;  // (COLUMNS, rows of all parts / 4)

@compute @workgroup_size(WG)
fn matvecs_add_to_norm(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group_first = folded_group(group) * TEAMS * 4;
  if (group_first >= params.rows) {
    return;
  }
  if (NORMED == 1) {
    find_norms(lane);
  }
  add_columns_to_norm(matvecs_rows(group_first + 4 * own_team(lane), lane), group_first, lane);
}
