// uses: lib/grid.wgsl, lib/math.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl
// rms_norm_matvec_swiglu: h = rms_norm(x);  y[f] = silu(W[2f, :] . h) * (W[2f+1, :] . h)
//
// Shapes    x: (C) f32;  norm_weight: (C) f32;  weights: (rows, C), gate and up rows in turn, any scheme;
//           y: from first_row / 2 on, f32. rows and first_row are even.
// Mapping   one workgroup four rows of weights, two of y; one pass over x.
// Constants WG   invocations a workgroup, a power of two.
// Source    Shazeer 2020, SwiGLU; reference: rms_norm.ts, matvec.ts, swiglu.ts in src/reference.

override WG: u32 = 64;

struct Params {
  rows: u32,       // of weights
  first_row: u32,
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // C / 4
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;            // (C)
@group(0) @binding(2) var<storage, read> norm_weight: array<vec4f>;  // (C)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (F)

var<private> squares: f32;

fn input4(index: u32) -> vec4f {
  let value = select(vec4f(), x[index], index < params.columns4);
  squares += dot(value, value);
  return value * norm_weight[index];
}

@compute @workgroup_size(WG)
fn rms_norm_matvec_swiglu(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.rows) {
    return;
  }
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let sums = workgroup_sum(Sums(dots, squares), invocation);
  let pair = invocation.lane * 2;
  if (pair < 4 && first + pair < params.rows) {
    let norm = inverseSqrt(sums.one / f32(params.columns4 * 4) + params.eps);
    let row = first + pair;
    let gate = norm * sums.four[pair] * row_scale(row, params.rows, params.blocks);
    let up = norm * sums.four[pair + 1] * row_scale(row + 1, params.rows, params.blocks);
    y[(params.first_row + row) / 2] = up * silu(gate);
  }
}
