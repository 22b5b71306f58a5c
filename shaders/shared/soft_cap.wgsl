// uses: lib/cap.wgsl
// soft_cap: y = CAP * tanh(y / CAP)
//
// Shapes    y: (T, C) f32, in place.
// Mapping   x of the grid: one invocation four columns; y: the token.
// Constants WG   invocations a workgroup.        CAP   what is not exceeded.
// Source    reference: src/reference/soft_cap.ts.

override WG: u32 = 64;
override CAP: f32 = 30.0;

struct Params {
  columns: u32,  // C
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // (T, C)

@compute @workgroup_size(WG)
fn soft_cap(@builtin(global_invocation_id) invocation: vec3u) {
  if (invocation.x >= params.columns) {
    return;
  }
  let at = invocation.y * params.columns + invocation.x;
  y[at] = capped4(vec4f(y[at])).x;
}
