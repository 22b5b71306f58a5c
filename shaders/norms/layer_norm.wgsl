// uses: lib/step.wgsl, lib/reduce.wgsl
// layer_norm: y[t, c] = (x[t, c] - m) / sqrt(mean_c((x[t, c] - m)^2) + eps) * weight[c] + bias[c],  m = mean_c(x[t, c])
//
// Shapes    x, y: (T, C) f32;  weight, bias: (C) f32.
// Mapping   one workgroup a row t. The mean is taken before the squares, which would cancel where it is large.
// Constants WG    invocations a workgroup, a power of two.
//           LAST  whether the one row that is normed is the last of x, and becomes the first of y.
// Source    Ba et al. 2016; reference: src/reference/layer_norm.ts.

override WG: u32 = 128;
override LAST: bool = false;

struct Params {
  columns4: u32,  // C / 4
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;            // (T, C)
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;       // (C)
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;         // (C)
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;      // (T, C)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn layer_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let from_row = select(group.x, step.tokens - 1, LAST) * params.columns4;
  let to_row = group.x * params.columns4;
  let count = f32(params.columns4 * 4);
  var total = 0.0;
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    total += dot(x[from_row + column], vec4f(1.0));
  }
  let mean = workgroup_sum(Sums(vec4f(), total), invocation).one / count;
  // Sums pass through the same memory of the workgroup.
  workgroupBarrier();
  var squares = 0.0;
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    let value = x[from_row + column] - mean;
    squares += dot(value, value);
  }
  let variance = workgroup_sum(Sums(vec4f(), squares), invocation).one / count;
  let norm = inverseSqrt(variance + params.eps);
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    y[to_row + column] = (x[from_row + column] - mean) * norm * weight[column] + bias[column];
  }
}
