// uses: lib/reduce.wgsl
// head_norm: y[t, s, i] = y[t, s, i] / sqrt(mean_i(y[t, s, i]^2) + eps) * weight[i], for parts s of q and of k
//
// Shapes    y: (T, heads + 2*J, head_dim) f32, in place: q in q_parts parts of q_width4 vec4f's each, behind it k in parts of
//           k_width4; what lies behind those is left as it is;  weight: (4 * q_width4) of a part of q, then
//           (4 * k_width4) of k.
// Mapping   one workgroup a part: x of the grid the parts of q, then those of k; y the token.
// Constants WG   invocations a workgroup, a power of two.
// Source    Henry et al. 2020, query-key normalization; reference: src/reference/head_norm.ts.

override WG: u32 = 64;

struct Params {
  q_parts: u32,
  q_width4: u32,
  k_width4: u32,
  row4: u32,  // vec4f's of a row of y
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;     // (q_width + k_width)
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;    // (T, heads + 2*J, head_dim)

@compute @workgroup_size(WG)
fn head_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let is_query = group.x < params.q_parts;
  let width4 = select(params.k_width4, params.q_width4, is_query);
  let weight_first = select(params.q_width4, 0, is_query);
  let part_first = select(
    params.q_parts * params.q_width4 + (group.x - params.q_parts) * params.k_width4,
    group.x * params.q_width4,
    is_query,
  );
  let first = group.y * params.row4 + part_first;
  var squares = 0.0;
  for (var column = invocation.lane; column < width4; column += WG) {
    let value = y[first + column];
    squares += dot(value, value);
  }
  let sums = workgroup_sum(Sums(vec4f(), squares), invocation);
  let norm = inverseSqrt(sums.one / f32(width4 * 4) + params.eps);
  for (var column = invocation.lane; column < width4; column += WG) {
    y[first + column] *= norm * weight[weight_first + column];
  }
}
