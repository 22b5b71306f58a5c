// uses: lib/step.wgsl, lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl
// rms_norm_matvec: y[r] = scale * sum_c W[r, c] * norm_weight[c] * x[c] / sqrt(mean_c(x[c]^2) + eps)
//
// Shapes    x: (T, C) f32, of which the last row is taken;  norm_weight: (C) f32;
//           weights: (rows, C), any scheme;  y: from first_row on, f32.
// Mapping   one workgroup four rows; the sum of squares is taken along with the dot products, in one pass over x.
// Constants WG   invocations a workgroup, a power of two.
// Source    Zhang & Sennrich 2019, eq. 4; reference: rms_norm.ts, then matvec.ts in src/reference.

override WG: u32 = 64;

struct Params {
  rows: u32,
  first_row: u32,  // of y
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // C / 4
  eps: f32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;            // (T, C)
@group(0) @binding(2) var<storage, read> norm_weight: array<vec4f>;  // (C)
@group(0) @binding(3) var<storage, read> weights: array<vec4u>;      // (rows, C)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;        // (rows of all parts)
@group(1) @binding(0) var<uniform> step: Step;

var<private> squares: f32;

fn input4(index: u32) -> vec4f {
  let value = select(vec4f(), x[(step.tokens - 1) * params.columns4 + index], index < params.columns4);
  squares += dot(value, value);
  return value * norm_weight[index];
}

@compute @workgroup_size(WG)
fn rms_norm_matvec(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.rows) {
    return;
  }
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let sums = workgroup_sum(Sums(dots, squares), invocation);
  let row = first + invocation.lane;
  if (invocation.lane < 4 && row < params.rows) {
    let norm = inverseSqrt(sums.one / f32(params.columns4 * 4) + params.eps);
    y[params.first_row + row] = params.scale * norm * sums.four[invocation.lane]
      * row_scale(row, params.rows, params.blocks);
  }
}
