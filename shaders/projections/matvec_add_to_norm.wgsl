// uses: lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/scales.wgsl, lib/matvec.wgsl, lib/to_norm.wgsl
// matvec_add_to_norm: x[r] += sum_c W[r, c] * v[c], on its way into the next RMSNorm:
//   h = x * norm_weight, x_squares[r / 4] = x[r]^2 + .. + x[r + 3]^2
//
// Shapes    v: (C) f32;  weights: (rows, C), any scheme;  norm_weight, x, h: (all rows) f32;  x_squares: (all rows / 4).
//           rows and first_row are multiples of 4.
// Mapping   one team four rows.
// Constants WG   invocations a workgroup, a power of two.
//           TEAM invocations that share four rows: WG, or less in fixed point.
//           SEGMENT groups of columns at a time, in fixed point.
// Source    reference: matvec.ts, add.ts, to_norm.ts in src/reference.

override WG: u32 = 64;
override TEAM: u32 = 64;
override SEGMENT: u32 = 128;

struct Params {
  rows: u32,
  first_row: u32,  // of x
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // C / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;              // (C)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;        // (rows, C)
@group(0) @binding(3) var<storage, read> norm_weight: array<vec4f>;    // (rows of all parts)
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;        // (rows of all parts)
@group(0) @binding(5) var<storage, read_write> h: array<vec4f>;        // (rows of all parts)
@group(0) @binding(6) var<storage, read_write> x_squares: array<f32>;  // (rows of all parts / 4)

fn input4(index: u32) -> vec4f {
  return select(vec4f(), v[index], index < params.columns4);
}

@compute @workgroup_size(WG)
fn matvec_add_to_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  if (first_row(folded_group(group), 0) >= params.rows) {
    return;
  }
  let first = first_row(folded_group(group), invocation.lane);
  let lane = team_lane(invocation.lane);
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let sums = team_sum(Sums(dots, 0.0), invocation);
  if (lane == 0 && first < params.rows) {
    let scales = four_scales(first, params.rows, params.blocks);
    add_to_norm((params.first_row + first) / 4, sums.four * scales);
  }
}
