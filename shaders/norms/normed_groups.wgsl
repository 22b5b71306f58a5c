// uses: lib/reduce.wgsl
// normed_groups: g[c] = g[c] / sqrt(sum(squares of the group of c) / (C / groups) + eps)
//
// Shapes    g: (groups, C / groups) f32, a gated input times its norm's weight, in place;
//           squares: (groups, sums) f32, partial sums of the gated input's squares.
// Mapping   one workgroup WG vec4f of a group: y the group, x its part; each adds up the group's sums.
// Constants WG   invocations a workgroup, a power of two.
// Source    the gated norm of Mamba-2 models with a norm for each group; reference: to_norm.ts in src/reference.

override WG: u32 = 64;

struct Params {
  width4: u32,  // C / groups / 4
  sums: u32,    // of a group
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> squares: array<f32>;       // (groups, sums)
@group(0) @binding(2) var<storage, read_write> g: array<vec4f>;     // (groups, C / groups)

@compute @workgroup_size(WG)
fn normed_groups(@builtin(workgroup_id) workgroup: vec3u, invocation: Invocation) {
  var share = 0.0;
  for (var index = invocation.lane; index < params.sums; index += WG) {
    share += squares[workgroup.y * params.sums + index];
  }
  let sum = workgroup_sum(Sums(vec4f(), share), invocation).one;
  let column = workgroup.x * WG + invocation.lane;
  if (column < params.width4) {
    g[workgroup.y * params.width4 + column] *= inverseSqrt(sum / f32(params.width4 * 4) + params.eps);
  }
}
