// uses: lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl, lib/norm_factor.wgsl, lib/normed.wgsl
// normed_matvec: y[r] = scale * sum_c W[r, c] * h[c] / sqrt(sum(squares) / C + eps)
//
// Shapes    h: (C) f32, the input times the norm's weight;  squares: (4*squares4) f32, partial sums of the input's
//           squares;  weights: (rows, C), any scheme;  y: from first_row on, f32.
// Mapping   one team four rows.
// Constants WG   invocations a workgroup, a power of two.
//           TEAM invocations that share four rows: WG, or less in fixed point.
//           SEGMENT groups of columns at a time, in fixed point.
// Source    Zhang & Sennrich 2019, eq. 4; reference: rms_norm.ts, then matvec.ts in src/reference.

override WG: u32 = 64;
override TEAM: u32 = 64;
override SEGMENT: u32 = 128;

struct Params {
  rows: u32,
  first_row: u32,  // of y
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // C / 4
  squares4: u32,
  eps: f32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> h: array<vec4f>;            // (C)
@group(0) @binding(2) var<storage, read> squares: array<vec4f>;      // (4 * squares4)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (rows of all parts)

fn input4(index: u32) -> vec4f {
  return select(vec4f(), h[index], index < params.columns4);
}

@compute @workgroup_size(WG)
fn normed_matvec(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  if (first_row(folded_group(group), 0) >= params.rows) {
    return;
  }
  let first = first_row(folded_group(group), invocation.lane);
  let lane = team_lane(invocation.lane);
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let share = squares_share(lane, TEAM, params.squares4);
  let sums = team_sum(Sums(dots, share), invocation);
  let row = first + lane;
  if (lane < 4 && row < params.rows) {
    y[params.first_row + row] = params.scale * norm_factor(sums.one, params.columns4, params.eps)
      * sums.four[lane] * row_scale(row, params.rows, params.blocks);
  }
}
