// uses: lib/step.wgsl
// clip: y[t, c] = min(max(y[t, c], -limit), limit)
//
// Shapes    y: (T, C) f32, in place.
// Mapping   x of the grid: one invocation four columns; y: the token.
// Constants WG   invocations a workgroup.
// Source    reference: src/reference/clip.ts.

override WG: u32 = 64;

struct Params {
  columns4: u32,  // C / 4
  limit: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;  // (T, C)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn clip(@builtin(global_invocation_id) invocation: vec3u) {
  let column = invocation.x;
  let t = invocation.y;
  if (column >= params.columns4 || t >= step.tokens) {
    return;
  }
  let at = t * params.columns4 + column;
  y[at] = clamp(y[at], vec4f(-params.limit), vec4f(params.limit));
}
