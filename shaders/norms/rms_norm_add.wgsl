// uses: lib/reduce.wgsl
// rms_norm_add: x[t, c] += v[t, c] / sqrt(mean_c(v[t, c]^2) + eps) * weight[c];  then v[t, c] = 0
//
// Shapes    x, v: (T, C) f32;  weight: (C) f32. Zeros are what the next branch adds to.
// Mapping   one workgroup a row t.
// Constants WG   invocations a workgroup, a power of two.
// Source    Zhang & Sennrich 2019, eq. 4; reference: rms_norm.ts, then add.ts in src/reference.

override WG: u32 = 128;

struct Params {
  columns4: u32,  // C / 4
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;       // (C)
@group(0) @binding(2) var<storage, read_write> v: array<vec4f>;      // (T, C)
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>;      // (T, C)

@compute @workgroup_size(WG)
fn rms_norm_add(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let base = group.x * params.columns4;
  var squares = 0.0;
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    let value = v[base + column];
    squares += dot(value, value);
  }
  let sums = workgroup_sum(Sums(vec4f(), squares), invocation);
  let norm = inverseSqrt(sums.one / f32(params.columns4 * 4) + params.eps);
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    x[base + column] += v[base + column] * norm * weight[column];
    v[base + column] = vec4f();
  }
}
