// uses: lib/step.wgsl, lib/math.wgsl, lib/rg_lru.wgsl
// rg_lru_gates: of every channel, i and r being sigmoids of block-diagonal products of x with biases,
//   decays[t, c] = exp(-8 r softplus(parameter));   inputs[t, c] = sqrt(1 - decays[t, c]^2) * i * x[t, c]
//   and at position 0 decays = 0, inputs = i * x
//
// Shapes    v: (T, w) f32, x;  gates: (2, H, D, D) of the input gate, then of the recurrence gate, a row for each input,
//           w = H * D;  vectors: (3, w) of the biases of the two, and the parameter;  decays, inputs: (T, w).
// Mapping   one workgroup WG channels of a head and eight tokens: x the channels, y the head, z the tokens. An invocation
//           has one channel; inputs pass through workgroup memory, WG of them at a time.
// Constants WG   invocations a workgroup.
// Source    De et al. 2024, equations 1 to 4; reference: rg_lru.ts in src/reference.

override WG: u32 = 64;

struct Params {
  heads: u32,  // H
  dim: u32,    // D
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<f32>;                 // (T, w)
@group(0) @binding(2) var<storage, read> gates: array<f32>;             // (2, H, D, D)
@group(0) @binding(3) var<storage, read> vectors: array<f32>;           // (3, w)
@group(0) @binding(4) var<storage, read_write> decays: array<f32>;      // (T, w)
@group(0) @binding(5) var<storage, read_write> inputs: array<f32>;      // (T, w)
@group(1) @binding(0) var<uniform> step: Step;

const TOKENS: u32 = 8;

var<workgroup> tile: array<f32, WG * TOKENS>;  // of each input its tokens

@compute @workgroup_size(WG)
fn rg_lru_gates(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.heads * params.dim;
  let first_token = group.z * TOKENS;
  let own = group.x * WG + lane;  // of the head
  let column = min(own, params.dim - 1);
  let of_input = group.y * params.dim * params.dim + column;
  let of_recurrence = of_input + width * params.dim;
  var input_low = vec4f();
  var input_high = vec4f();
  var recurrence_low = vec4f();
  var recurrence_high = vec4f();
  for (var first = 0u; first < params.dim; first += WG) {
    let count = min(WG, params.dim - first);
    for (var index = lane; index < count * TOKENS; index += WG) {
      // Neighbours read neighbours; tokens past the end are read as the last.
      let t = min(first_token + index / count, step.tokens - 1);
      tile[index % count * TOKENS + index / count] = v[t * width + group.y * params.dim + first + index % count];
    }
    workgroupBarrier();
    for (var i = 0u; i < count; i++) {
      let at = i * TOKENS;
      let low = vec4f(tile[at], tile[at + 1], tile[at + 2], tile[at + 3]);
      let high = vec4f(tile[at + 4], tile[at + 5], tile[at + 6], tile[at + 7]);
      let of_i = vec4f(gates[of_input + (first + i) * params.dim]);
      let of_r = vec4f(gates[of_recurrence + (first + i) * params.dim]);
      input_low = fma(of_i, low, input_low);
      input_high = fma(of_i, high, input_high);
      recurrence_low = fma(of_r, low, recurrence_low);
      recurrence_high = fma(of_r, high, recurrence_high);
    }
    workgroupBarrier();
  }
  if (own >= params.dim) {
    return;
  }
  let channel = group.y * params.dim + own;
  for (var token = 0u; token < TOKENS; token++) {
    let t = first_token + token;
    if (t < step.tokens) {
      let at = t * width + channel;
      let both = decay_and_input(
        select(input_low, input_high, token > 3)[token % 4] + vectors[channel],
        select(recurrence_low, recurrence_high, token > 3)[token % 4] + vectors[width + channel],
        vectors[2 * width + channel],
        v[at],
        step.position + t,
      );
      decays[at] = both.x;
      inputs[at] = both.y;
    }
  }
}
