// uses: lib/grid.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/sharers.wgsl, lib/weight.wgsl, lib/biased.wgsl, lib/bytes.wgsl, lib/integers.wgsl, lib/columns.wgsl, lib/matvecs_int8.wgsl, lib/action.wgsl, lib/put_columns.wgsl
// matvecs_int8: s[b, r] = scale * sum_c W[r, c] * q_scale[b, c / 128] * q[b, c], of every sequence b of a batch;
//   y[b, r] = s[b, r], y[b, r] += s[b, r], or y[b, f] = silu(s[b, 2f]) * s[b, 2f+1]
//
// Shapes    q: (COLUMNS, DIGITS, q_blocks) of 16 int8;  q_scale: (COLUMNS, groups of 128) f32, with all that a norm divides
//           by;  weights: (rows, C), int8 or int4;  y: (COLUMNS, rows of all parts, or half of them where gate and up rows
//           are in turn: rows and first_row are then even). From a sequence to the next it is y_stride.
// Mapping   one team four rows, or eight, for all sequences. In the end an invocation has the sums of one sequence and four
//           rows of one team. Twice the rows read the columns half as often, which pays where two digits are to be read.
// Constants WG       invocations a workgroup, a power of two, at least COLUMNS * TEAMS.
//           TEAMS    of a workgroup, a power of two, at most WG / 8.
//           COLUMNS  sequences: 2, 4, 8 or 16.
//           DIGITS   of int8 that a number of q has: 1 or 2.
//           ROWS4    sets of four rows of a team: 1 or 2.
//           ACTION   what becomes of the sums, see lib/action.wgsl.
// Source    reference: quantize_rows.ts, matmul.ts, add.ts, swiglu.ts in src/reference.
// Tried     On an H200, 28,672 x 4,096 and 4,096 x 14,336, int8, 8 sequences: one digit 45 and 34 us, two 62 and 38.
//           Norms found in each workgroup 62 and 40, 88 and 64; two digits by four rows a team 67 and 49, and with
//           their sums in matrices 80 and 69; the next weights asked for ahead no faster; 8, 16 or 32 neighbours the same.
//           int4 by eight rows: 74 and 38 instead of 60 and 34.

override WG: u32 = 64;
override TEAMS: u32 = 4;
override COLUMNS: u32 = 4;
override DIGITS: u32 = 1;
override ROWS4: u32 = 1;
override ACTION: u32 = 0;

struct Params {
  rows: u32,
  first_row: u32,       // of y
  blocks: u32,          // 16-byte blocks of a row
  scale: f32,
  q_blocks: u32,        // of a digit of a row of q
  y_stride: u32,        // in f32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4u>;            // (COLUMNS, DIGITS, q_blocks)
@group(0) @binding(2) var<storage, read> q_scale: array<f32>;        // (COLUMNS, groups)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (COLUMNS, rows of all parts)

@compute @workgroup_size(WG)
fn matvecs_int8(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group_first = folded_group(group) * ROWS4 * TEAMS * 4;
  if (group_first >= params.rows) {
    return;
  }
  let sums = matvecs_rows(group_first + 4 * own_team(lane), lane);
  put_columns(sums.one, group_first, lane);
  if (ROWS4 == 2) {
    workgroupBarrier();
    put_columns(sums.two, group_first + 4 * TEAMS, lane);
  }
}
