// uses: lib/step.wgsl, lib/math.wgsl, lib/activation.wgsl, lib/rg_lru.wgsl
// conv1d_rg_lru_update: one token through conv, recurrence and gate of a recurrent block of Griffin:
//   x[c] = conv_bias[c] + sum_k conv_weight[c, k] * raw[c, position - 3 + k];   i, r: sigmoids of products of x
//   s = exp(-8 r softplus(parameter)) * s + sqrt(1 - decay^2) * i * x, at position 0 s = i * x;   out = s * gelu_tanh(z)
//
// Shapes    u: (z: w | raw: w) f32;  conv_weight: (w) vec4f;  gates: (2, H, D, D) of the input gate, then of the recurrence
//           gate, a row for each input, w = H * D;  vectors: (4, w) of the biases of the two, the parameter, conv_bias;
//           conv_state: (4, w), column q % 4 holds the raw input of position q;  ssm_state, out: (w).
// Mapping   one workgroup WG channels of a head: x the channels, y the head. Each makes all of its head's x; column
//           position % 4 is written by the invocation of its channel and read by no one in this pass.
// Constants WG   invocations a workgroup.    D   channels of a head.
// Source    De et al. 2024, equations 1 to 4; reference: conv1d.ts, rg_lru.ts, gelu_tanh.ts in src/reference.

override WG: u32 = 64;
override D: u32 = 256;

struct Params {
  heads: u32,  // H
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;                    // (2 * w)
@group(0) @binding(2) var<storage, read> conv_weight: array<vec4f>;        // (w)
@group(0) @binding(3) var<storage, read> gates: array<f32>;                // (2, H, D, D)
@group(0) @binding(4) var<storage, read> vectors: array<f32>;              // (4, w)
@group(0) @binding(5) var<storage, read_write> conv_state: array<f32>;     // (4, w)
@group(0) @binding(6) var<storage, read_write> ssm_state: array<f32>;      // (w)
@group(0) @binding(7) var<storage, read_write> out: array<f32>;            // (w)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> convolved: array<f32, D>;

@compute @workgroup_size(WG)
fn conv1d_rg_lru_update(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (step.halted != 0) {
    return;
  }
  let width = params.heads * D;
  for (var index = lane; index < D; index += WG) {
    let channel = group.y * D + index;
    let raw = u[width + channel];
    let window = vec4f(
      conv_state[((step.position + 1) % 4) * width + channel],
      conv_state[((step.position + 2) % 4) * width + channel],
      conv_state[((step.position + 3) % 4) * width + channel],
      raw,
    );
    if (index / WG == group.x) {
      conv_state[(step.position % 4) * width + channel] = raw;
    }
    convolved[index] = vectors[3 * width + channel] + dot(conv_weight[channel], window);
  }
  workgroupBarrier();
  let own = group.x * WG + lane;
  if (own >= D) {
    return;
  }
  let channel = group.y * D + own;
  let of_input = group.y * D * D + own;
  let of_recurrence = of_input + width * D;
  var input_gate = vectors[channel];
  var recurrence_gate = vectors[width + channel];
  for (var i = 0u; i < D; i++) {
    input_gate = fma(gates[of_input + i * D], convolved[i], input_gate);
    recurrence_gate = fma(gates[of_recurrence + i * D], convolved[i], recurrence_gate);
  }
  let parameter = vectors[2 * width + channel];
  let both = decay_and_input(input_gate, recurrence_gate, parameter, convolved[own], step.position);
  let kept = select(both.x * ssm_state[channel], 0.0, both.x == 0.0);
  let state = kept + both.y;
  ssm_state[channel] = state;
  out[channel] = state * gelu_tanh(u[channel]);
}
