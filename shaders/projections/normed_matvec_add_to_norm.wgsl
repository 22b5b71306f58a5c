// uses: lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/scales.wgsl, lib/matvec.wgsl, lib/norm_factor.wgsl, lib/normed.wgsl, lib/to_norm.wgsl
// normed_matvec_add_to_norm: x[r] += sum_c W[r, c] * g[c] / sqrt(sum(squares) / C + eps), on its way into the next
//   RMSNorm: h = x * norm_weight, x_squares[r / 4] = x[r]^2 + .. + x[r + 3]^2
//
// Shapes    g: (C) f32, the gated input times its norm's weight;  squares: (4*squares4) f32, partial sums of the gated
//           input's squares;  weights: (rows, C), any scheme;  norm_weight, x, h: (all rows) f32;
//           x_squares: (all rows / 4). rows and first_row are multiples of 4.
// Mapping   one team four rows.
// Constants WG   invocations a workgroup, a power of two.
//           TEAM invocations that share four rows: WG, or less in fixed point.
//           SEGMENT groups of columns at a time, in fixed point.
// Source    the end of a Mamba-2 mixer; reference: rms_norm.ts, matvec.ts, add.ts, to_norm.ts in src/reference.

override WG: u32 = 64;
override TEAM: u32 = 64;
override SEGMENT: u32 = 128;

struct Params {
  rows: u32,
  first_row: u32,  // of x
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // C / 4
  squares4: u32,   // of squares
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;              // (C)
@group(0) @binding(2) var<storage, read> squares: array<vec4f>;        // (4 * squares4)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;        // (rows, C)
@group(0) @binding(4) var<storage, read> norm_weight: array<vec4f>;    // (rows of all parts)
@group(0) @binding(5) var<storage, read_write> x: array<vec4f>;        // (rows of all parts)
@group(0) @binding(6) var<storage, read_write> h: array<vec4f>;        // (rows of all parts)
@group(0) @binding(7) var<storage, read_write> x_squares: array<f32>;  // (rows of all parts / 4)

fn input4(index: u32) -> vec4f {
  return select(vec4f(), g[index], index < params.columns4);
}

@compute @workgroup_size(WG)
fn normed_matvec_add_to_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  if (first_row(folded_group(group), 0) >= params.rows) {
    return;
  }
  let first = first_row(folded_group(group), invocation.lane);
  let lane = team_lane(invocation.lane);
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let share = squares_share(lane, TEAM, params.squares4);
  let sums = team_sum(Sums(dots, share), invocation);
  if (lane == 0 && first < params.rows) {
    let scales = four_scales(first, params.rows, params.blocks);
    let norm = norm_factor(sums.one, params.columns4, params.eps);
    add_to_norm((params.first_row + first) / 4, norm * sums.four * scales);
  }
}
