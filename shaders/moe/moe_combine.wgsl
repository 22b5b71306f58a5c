// moe_combine: x[t, c] += sum_k shares[t, k] * y[t, k, c], or x[t, c] = the sum
//
// Shapes    y: (T, top_k, C) f32, the results of each token's experts;  shares: (T, top_k) f32;  x: (T, C) f32.
// Mapping   one invocation four columns of a token: x of the grid the columns, y the token.
// Constants WG   invocations a workgroup.    ADD   1 where the sum is added to x, 0 where it is x.
// Source    reference: moe.ts, add.ts in src/reference.

override WG: u32 = 64;
override ADD: u32 = 1;

struct Params {
  columns4: u32,  // C / 4
  top_k: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;          // (T, top_k, C)
@group(0) @binding(2) var<storage, read> shares: array<f32>;       // (T, top_k)
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>;    // (T, C)

@compute @workgroup_size(WG)
fn moe_combine(@builtin(global_invocation_id) invocation: vec3u) {
  let column = invocation.x;
  let first = invocation.y * params.top_k;
  if (column >= params.columns4) {
    return;
  }
  var sum = vec4f();
  for (var place = first; place < first + params.top_k; place++) {
    sum += shares[place] * y[place * params.columns4 + column];
  }
  let at = invocation.y * params.columns4 + column;
  if (ADD == 1) {
    sum += x[at];
  }
  x[at] = sum;
}
