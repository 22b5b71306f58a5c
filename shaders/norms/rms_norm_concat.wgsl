// uses: lib/reduce.wgsl
// rms_norm_concat: v = x[t, :] followed by e[t, :];  y[t, c] = v[c] / sqrt(mean_c(v[c]^2) + eps) * weight[c];  and a copy of x
//
// Shapes    x, e, copied: (T, C) f32;  weight: (2*C) f32;  y: (T, 2*C) f32.
// Mapping   one workgroup a row t.
// Constants WG   invocations a workgroup, a power of two.
// Source    transformers' Zamba2AttentionDecoderLayer; Zhang & Sennrich 2019, eq. 4; reference: rms_norm.ts in src/reference.

override WG: u32 = 128;

struct Params {
  columns4: u32,  // C / 4
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;               // (T, C)
@group(0) @binding(2) var<storage, read> e: array<vec4f>;               // (T, C)
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;          // (2 * C)
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;         // (T, 2 * C)
@group(0) @binding(5) var<storage, read_write> copied: array<vec4f>;    // (T, C)

@compute @workgroup_size(WG)
fn rms_norm_concat(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let base = group.x * params.columns4;
  var squares = 0.0;
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    let first = x[base + column];
    let second = e[base + column];
    squares += dot(first, first) + dot(second, second);
    copied[base + column] = first;
  }
  let sums = workgroup_sum(Sums(vec4f(), squares), invocation);
  let norm = inverseSqrt(sums.one / f32(params.columns4 * 8) + params.eps);
  for (var column = invocation.lane; column < params.columns4; column += WG) {
    y[2 * base + column] = x[base + column] * norm * weight[column];
    y[2 * base + params.columns4 + column] = e[base + column] * norm * weight[params.columns4 + column];
  }
}
