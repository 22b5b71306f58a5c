// uses: lib/math.wgsl, lib/reduce.wgsl
// rms_norm_gate: out[t, h, d] = y[t, h, d] * rsqrt(mean_d(y[t, h, d]^2) + eps) * weight[d] * silu(z[t, h, d])
//
// Shapes    y, out: (T, H, D) f32;  u: (T, stride) f32 of which the first H * D columns are z;  weight: (D). D is a multiple
//           of 4.
// Mapping   one workgroup a head of a token: x of the grid the head, y the token.
// Constants WG   invocations a workgroup, a power of two.
// Source    the end of a gated delta mixer, Yang et al. 2024, section 3.4; reference: rms_norm.ts, silu.ts in src/reference.

override WG: u32 = 32;

struct Params {
  dim4: u32,    // D / 4
  heads: u32,   // H
  stride: u32,  // of u
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;            // (T, H, D)
@group(0) @binding(2) var<storage, read> u: array<f32>;              // (T, stride)
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;       // (D)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;    // (T, H, D)

@compute @workgroup_size(WG)
fn rms_norm_gate(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let at = (group.y * params.heads + group.x) * params.dim4;
  var squares = 0.0;
  for (var d = invocation.lane; d < params.dim4; d += WG) {
    let value = y[at + d];
    squares += dot(value, value);
  }
  let sum = workgroup_sum(Sums(vec4f(), squares), invocation).one;
  let norm = inverseSqrt(sum / f32(4 * params.dim4) + params.eps);
  for (var d = invocation.lane; d < params.dim4; d += WG) {
    let z = group.y * params.stride + 4 * (group.x * params.dim4 + d);
    out[at + d] = norm * y[at + d] * weight[d] * silu4(vec4f(u[z], u[z + 1], u[z + 2], u[z + 3]));
  }
}
