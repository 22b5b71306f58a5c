// uses: lib/reduce.wgsl, lib/math.wgsl
// rms_norm_gated: r = y * silu(z);  out[t, c] = r[t, c] / sqrt(mean(r[t, group of c]^2) + eps) * weight[c]
//
// Shapes    y, out: (T, I) f32;  u: (T, stride) f32 of which the first I columns are z;  weight: (I) f32.
// Mapping   one workgroup a row t and norm group: x the row, y the group.
// Constants WG   invocations a workgroup, a power of two.
// Source    gate before norm, as transformers' BambaRMSNormGated; reference: src/reference/rms_norm_gated.ts.

override WG: u32 = 128;

struct Params {
  columns4: u32,  // I / 4
  stride: u32,    // of u
  groups: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;            // (T, I)
@group(0) @binding(2) var<storage, read> u: array<f32>;              // (T, stride)
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;       // (I)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;    // (T, I)

@compute @workgroup_size(WG)
fn rms_norm_gated(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let t = group.x;
  let width = params.columns4 / params.groups;
  let first = group.y * width;
  var squares = 0.0;
  for (var column = first + invocation.lane; column < first + width; column += WG) {
    let at = t * params.stride + column * 4;
    let gated = y[t * params.columns4 + column] * silu4(vec4f(u[at], u[at + 1], u[at + 2], u[at + 3]));
    out[t * params.columns4 + column] = gated;
    squares += dot(gated, gated);
  }
  let sums = workgroup_sum(Sums(vec4f(), squares), invocation);
  let norm = inverseSqrt(sums.one / f32(width * 4) + params.eps);
  for (var column = first + invocation.lane; column < first + width; column += WG) {
    out[t * params.columns4 + column] *= norm * weight[column];
  }
}
