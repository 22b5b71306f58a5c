// uses: lib/grid.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/sharers.wgsl, lib/weight.wgsl, lib/columns.wgsl, lib/matvecs.wgsl, lib/norm_factor.wgsl, lib/normed_columns.wgsl, lib/action.wgsl, lib/put_columns.wgsl
// matvecs: s[b, r] = scale * sum_c W[r, c] * v[b, c], of every sequence b of a batch; with NORMED divided by
//   sqrt(sum(squares[b]) / C + eps);  y[b, r] = s[b, r], y[b, r] += s[b, r], or y[b, f] = silu(s[b, 2f]) * s[b, 2f+1]
//
// Shapes    v: (COLUMNS, C) f32, with NORMED times the norm's weight;  squares: (COLUMNS, 4*squares4) f32, partial sums of
//           the inputs' squares, read only with NORMED;  weights: (rows, C), any scheme;  y: (COLUMNS, rows of all parts, or
//           half of them where gate and up rows are in turn: rows and first_row are then even). From a sequence to the next
//           it is v_stride, squares_stride and y_stride.
// Mapping   one team four rows, for all sequences. In the end an invocation has the sums of one sequence and one team.
// Constants WG       invocations a workgroup, a power of two, at least COLUMNS * TEAMS.
//           TEAMS    of a workgroup, a power of two, at most WG / 4.
//           COLUMNS  sequences: 2, 4, 8 or 16.
//           NORMED   1 where inputs are on their way out of a norm, 0 where they are as they are.
//           ACTION   what becomes of the sums, see lib/action.wgsl.
// Source    reference: rms_norm.ts, matmul.ts, add.ts, swiglu.ts in src/reference.

override WG: u32 = 64;
override TEAMS: u32 = 4;
override COLUMNS: u32 = 4;
override NORMED: u32 = 0;
override ACTION: u32 = 0;

struct Params {
  rows: u32,
  first_row: u32,       // of y
  blocks: u32,          // 16-byte blocks of a row
  columns4: u32,        // C / 4
  squares4: u32,
  eps: f32,
  scale: f32,
  v_stride: u32,        // in vec4f
  squares_stride: u32,  // in vec4f
  y_stride: u32,        // in f32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;            // (COLUMNS, C)
@group(0) @binding(2) var<storage, read> squares: array<vec4f>;      // (COLUMNS, 4 * squares4)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (COLUMNS, rows of all parts)

@compute @workgroup_size(WG)
fn matvecs(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group_first = folded_group(group) * TEAMS * 4;
  if (group_first >= params.rows) {
    return;
  }
  if (NORMED == 1) {
    find_norms(lane);
  }
  put_columns(matvecs_rows(group_first + 4 * own_team(lane), lane), group_first, lane);
}
