// uses: lib/reduce.wgsl, lib/norm_factor.wgsl, lib/normed.wgsl, lib/to_norm.wgsl
// normed_add_to_norm: x[c] += g[c] / sqrt(sum(squares) / C + eps), on its way into the next RMSNorm:
//   h = x * norm_weight, x_squares[c / 4] = x[c]^2 + .. + x[c + 3]^2;  then v[c] = 0
//
// Shapes    g: (C) f32, what a branch gives times the weight of the norm behind it;  squares: (4*squares4) f32, partial sums
//           of the squares of what it gives;  v: (C), what it gives: zeros are what the next branch adds to;
//           norm_weight, x, h: (C) f32;  x_squares: (C / 4).
// Mapping   one invocation four columns; each workgroup adds up all squares.
// Constants WG   invocations a workgroup, a power of two.
// Source    Zhang & Sennrich 2019, eq. 4; reference: to_norm.ts, add.ts in src/reference.

override WG: u32 = 64;

struct Params {
  columns4: u32,  // C / 4
  squares4: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;              // (C)
@group(0) @binding(2) var<storage, read> squares: array<vec4f>;        // (4 * squares4)
@group(0) @binding(3) var<storage, read> norm_weight: array<vec4f>;    // (C)
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;        // (C)
@group(0) @binding(5) var<storage, read_write> x: array<vec4f>;        // (C)
@group(0) @binding(6) var<storage, read_write> h: array<vec4f>;        // (C)
@group(0) @binding(7) var<storage, read_write> x_squares: array<f32>;  // (C / 4)

@compute @workgroup_size(WG)
fn normed_add_to_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let share = squares_share(invocation.lane, WG, params.squares4);
  let sums = workgroup_sum(Sums(vec4f(), share), invocation);
  let column = group.x * WG + invocation.lane;
  if (column < params.columns4) {
    add_to_norm(column, g[column] * norm_factor(sums.one, params.columns4, params.eps));
    v[column] = vec4f();
  }
}
