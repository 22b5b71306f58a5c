// uses: lib/reduce.wgsl
// rms_norm: y[t, c] = x[t, c] / sqrt(mean_c(x[t, c]^2) + eps) * weight[c]
//
// Shapes    x, y: (T, C) f32;  weight: (C) f32.
// Mapping   one workgroup a row t.
// Constants WG   invocations a workgroup, a power of two.
// Source    Zhang & Sennrich 2019, eq. 4; reference: src/reference/rms_norm.ts.

override WG: u32 = 128;

struct Params {
  columns4: u32,  // C / 4
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;            // (T, C)
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;       // (C)
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;      // (T, C)

@compute @workgroup_size(WG)
fn rms_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let base = group.x * params.columns4;
  var squares = 0.0;
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    let value = x[base + column];
    squares += dot(value, value);
  }
  let sums = workgroup_sum(Sums(vec4f(), squares), invocation);
  let norm = inverseSqrt(sums.one / f32(params.columns4 * 4) + params.eps);
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    y[base + column] = x[base + column] * norm * weight[column];
  }
}
