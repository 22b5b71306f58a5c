// uses: lib/step.wgsl, lib/math.wgsl, lib/activation.wgsl
// relu2: y[t, f] = max(y[t, f], 0)^2, or another activation
//
// Shapes    y: (T, F) f32, in place.
// Mapping   one invocation four columns: x of the grid the columns, y the tokens.
// Constants WG          invocations a workgroup.
//           ACTIVATION  0 SiLU, 1 GELU, 2 GELU by tanh, 3 squared ReLU, see lib/activation.wgsl.
// Source    So et al. 2021, Primer (squared ReLU); reference: relu2.ts, activation.ts in src/reference.

override WG: u32 = 64;
override ACTIVATION: u32 = 3;

struct Params {
  columns4: u32,  // F / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;  // (T, F)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn relu2(@builtin(global_invocation_id) invocation: vec3u) {
  let column = invocation.x;
  let t = invocation.y;
  if (column >= params.columns4 || t >= step.tokens) {
    return;
  }
  let at = t * params.columns4 + column;
  let value = y[at];
  y[at] = vec4f(
    activation(ACTIVATION, value.x),
    activation(ACTIVATION, value.y),
    activation(ACTIVATION, value.z),
    activation(ACTIVATION, value.w),
  );
}
