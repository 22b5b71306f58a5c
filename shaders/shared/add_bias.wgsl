// uses: lib/step.wgsl
// add_bias: y[t, c] += bias[c]
//
// Shapes    bias: (C) f32;  y: (T, C) f32, in place.
// Mapping   x of the grid: one invocation a column; y: the token.
// Constants WG   invocations a workgroup.
// Source    reference: src/reference/add_bias.ts.

override WG: u32 = 64;

struct Params {
  columns: u32,  // C
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bias: array<f32>;        // (C)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;     // (T, C)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn add_bias(@builtin(global_invocation_id) invocation: vec3u) {
  let column = invocation.x;
  let t = invocation.y;
  if (column >= params.columns || t >= step.tokens) {
    return;
  }
  y[t * params.columns + column] += bias[column];
}
