// uses: lib/grid.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl, lib/norm_factor.wgsl, lib/normed.wgsl
// normed_matvec_swiglu: n = h / sqrt(sum(squares) / C + eps);  y[f] = silu(W[2f, :] . n) * (W[2f+1, :] . n)
//   or with another activation in the place of SiLU
//
// Shapes    h: (C) f32, the input times the norm's weight;  squares: (4*squares4) f32, partial sums of the input's
//           squares;  weights: (rows, C), gate and up rows in turn, any scheme;  y: from first_row / 2 on, f32.
//           rows and first_row are even.
// Mapping   one team four rows of weights, two of y.
// Constants WG   invocations a workgroup, a power of two.
//           TEAM invocations that share four rows: WG, or less in fixed point.
//           SEGMENT groups of columns at a time, in fixed point.
//           ACTIVATION 0 SiLU, 1 GELU, 2 GELU by tanh, 3 squared ReLU, see lib/activation.wgsl.
// Source    Shazeer 2020, SwiGLU; reference: rms_norm.ts, matvec.ts, swiglu.ts, activation.ts in src/reference.

override WG: u32 = 64;
override TEAM: u32 = 64;
override SEGMENT: u32 = 128;
override ACTIVATION: u32 = 0;

struct Params {
  rows: u32,       // of weights
  first_row: u32,
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // C / 4
  squares4: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> h: array<vec4f>;            // (C)
@group(0) @binding(2) var<storage, read> squares: array<vec4f>;      // (4 * squares4)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (F)

fn input4(index: u32) -> vec4f {
  return select(vec4f(), h[index], index < params.columns4);
}

@compute @workgroup_size(WG)
fn normed_matvec_swiglu(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  if (first_row(folded_group(group), 0) >= params.rows) {
    return;
  }
  let first = first_row(folded_group(group), invocation.lane);
  let lane = team_lane(invocation.lane);
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let share = squares_share(lane, TEAM, params.squares4);
  let sums = team_sum(Sums(dots, share), invocation);
  let pair = lane * 2;
  if (pair < 4 && first + pair < params.rows) {
    let norm = norm_factor(sums.one, params.columns4, params.eps);
    let row = first + pair;
    let gate = norm * sums.four[pair] * row_scale(row, params.rows, params.blocks);
    let up = norm * sums.four[pair + 1] * row_scale(row + 1, params.rows, params.blocks);
    y[(params.first_row + row) / 2] = up * activation(ACTIVATION, gate);
  }
}
