// uses: lib/math.wgsl, lib/activation.wgsl
// geglu: y[t, f] = gelu(u[t, 2f]) * u[t, 2f + 1], or with another activation
//
// Shapes    u: (T, 2*F) f32, gate and up in turn;  y: (T, F).
// Mapping   x: one invocation two elements of a row of y; y: the token.
// Constants WG          invocations a workgroup.
//           ACTIVATION  0 SiLU, 1 GELU, 2 GELU by tanh, 3 squared ReLU, see lib/activation.wgsl.
// Source    Shazeer 2020, GEGLU; Hendrycks & Gimpel 2016, GELU; reference: geglu.ts, activation.ts in src/reference.

override WG: u32 = 64;
override ACTIVATION: u32 = 1;

struct Params {
  pairs: u32,  // F / 2
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;          // (T, 2 * F)
@group(0) @binding(2) var<storage, read_write> y: array<vec2f>;    // (T, F)

@compute @workgroup_size(WG)
fn geglu(@builtin(global_invocation_id) invocation: vec3u) {
  if (invocation.x >= params.pairs) {
    return;
  }
  let at = invocation.y * params.pairs + invocation.x;
  let gates_ups = u[at];
  let gates = vec2f(activation(ACTIVATION, gates_ups.x), activation(ACTIVATION, gates_ups.z));
  y[at] = gates * gates_ups.yw;
}
