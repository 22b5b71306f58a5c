// uses: lib/reduce.wgsl
// delta_qk_norm: every query and key divided by its length, and queries by sqrt(D) besides, in place:
//   q[t, h] = q[t, h] / sqrt(sum_d(q[t, h, d]^2) + 1e-6) / sqrt(D);   k[t, h] = k[t, h] / sqrt(sum_d(k[t, h, d]^2) + 1e-6)
//
// Shapes    v: (T, CD) f32 of q: (H, D) | k: (H, D) | others. D is a multiple of 4.
// Mapping   one workgroup a query or a key: x of the grid the head of q, then of k; y the token.
// Constants WG   invocations a workgroup, a power of two.
// Source    Yang et al. 2024, section 3.4; reference: l2Norm in src/reference/gated_delta.ts.

override WG: u32 = 32;

struct Params {
  heads: u32,    // H: key heads
  dim4: u32,     // D / 4
  stride4: u32,  // CD / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;    // (T, CD)

@compute @workgroup_size(WG)
fn delta_qk_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let at = group.y * params.stride4 + group.x * params.dim4;
  var squares = 0.0;
  for (var d = invocation.lane; d < params.dim4; d += WG) {
    let value = v[at + d];
    squares += dot(value, value);
  }
  let sum = workgroup_sum(Sums(vec4f(), squares), invocation).one;
  let scale = select(1.0, inverseSqrt(f32(4 * params.dim4)), group.x < params.heads);
  let factor = scale * inverseSqrt(sum + 1e-6);
  for (var d = invocation.lane; d < params.dim4; d += WG) {
    v[at + d] *= factor;
  }
}
