// uses: lib/step.wgsl, lib/math.wgsl, lib/activation.wgsl
// rg_lru_scan: the recurrence of a real-gated linear recurrent unit, and the gate behind it:
//   s = decays[t] * s + inputs[t];   out[t] = s * gelu_tanh(z[t])
//
// Shapes    decays, inputs, out: (T, w) f32;  u: (T, 2*w), of which z is the first half of a row;  ssm_state: (w).
// Mapping   one invocation a channel, from the first token to the last.
// Constants WG   invocations a workgroup.
// Source    De et al. 2024, equation 4 and figure 2; reference: rg_lru.ts, gelu_tanh.ts in src/reference.

override WG: u32 = 64;

struct Params {
  width: u32,  // w
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> decays: array<f32>;              // (T, w)
@group(0) @binding(2) var<storage, read> inputs: array<f32>;              // (T, w)
@group(0) @binding(3) var<storage, read> u: array<f32>;                   // (T, 2 * w)
@group(0) @binding(4) var<storage, read_write> ssm_state: array<f32>;     // (w)
@group(0) @binding(5) var<storage, read_write> out: array<f32>;           // (T, w)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn rg_lru_scan(@builtin(global_invocation_id) invocation: vec3u) {
  let channel = invocation.x;
  if (channel >= params.width) {
    return;
  }
  var state = ssm_state[channel];
  for (var t = 0u; t < step.tokens; t++) {
    let at = t * params.width + channel;
    // A decay of zero selects: what was there before the first token may be anything.
    let kept = select(decays[at] * state, 0.0, decays[at] == 0.0);
    state = kept + inputs[at];
    out[at] = state * gelu_tanh(u[2 * t * params.width + channel]);
  }
  ssm_state[channel] = state;
}
