// uses: lib/reduce.wgsl
// rms_norm_split: delta, b and c are the columns of x, in this order. They are copied, or each of them is divided by its own
//   root mean square, and multiplied by a weight or not:
//   y[t, j] = x[t, j] / sqrt(mean_j(x[t, j]^2) + eps) * weight[j], the mean over the columns of delta, of b or of c
//
// Shapes    x: (T, R + 2*N) f32;  weight: (R + 2*N), read by NORM 2 alone;  delta: (T, R) f32;  bc: (T, 2*N) f32, b before
//           c. R and N are multiples of 4; of delta, the mean is over the first `rank` columns.
// Mapping   one workgroup a row t and a part of it: x of the grid the row, y the part.
// Constants WG    invocations a workgroup, a power of two.    NORM  0 copies, 1 norms, 2 norms with a weight.
// Source    transformers' FalconMambaMixer and JambaMambaMixer; Zhang & Sennrich 2019, eq. 4; reference: rms_norm.ts in
//           src/reference.

override WG: u32 = 64;
override NORM: u32 = 1;

struct Params {
  rank4: u32,   // R / 4
  rank: u32,    // columns of delta that count
  state4: u32,  // N / 4
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;              // (T, R + 2 * N)
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;         // (R + 2 * N)
@group(0) @binding(3) var<storage, read_write> delta: array<vec4f>;    // (T, R)
@group(0) @binding(4) var<storage, read_write> bc: array<vec4f>;       // (T, 2 * N)

@compute @workgroup_size(WG)
fn rms_norm_split(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let is_delta = group.y == 0;
  let width = select(params.state4, params.rank4, is_delta);
  let counted = select(4 * params.state4, params.rank, is_delta);
  let offset = select(params.rank4 + (group.y - 1) * params.state4, 0, is_delta);
  let from_row = group.x * (params.rank4 + 2 * params.state4) + offset;
  var squares = 0.0;
  for (var column = invocation.lane; column < width; column += WG) {
    let places = vec4u(4 * column, 4 * column + 1, 4 * column + 2, 4 * column + 3);
    let value = select(vec4f(), x[from_row + column], places < vec4u(counted));
    squares += dot(value, value);
  }
  let sums = workgroup_sum(Sums(vec4f(), squares), invocation);
  let norm = select(inverseSqrt(sums.one / f32(counted) + params.eps), 1.0, NORM == 0);
  for (var column = invocation.lane; column < width; column += WG) {
    var value = x[from_row + column] * norm;
    if (NORM == 2) {
      value *= weight[offset + column];
    }
    if (is_delta) {
      delta[group.x * width + column] = value;
    } else {
      bc[(group.x * 2 + group.y - 1) * width + column] = value;
    }
  }
}
