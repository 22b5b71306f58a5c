// uses: lib/step.wgsl, lib/math.wgsl, lib/log_decay.wgsl
// delta_chunk_cumsum: of every token t of a chunk and every value head
//   beta_t = beta_scale / (1 + exp(-b_t));   l_t = sum_{s<=t} a * softplus(a_raw_s + dt_bias)      (within the chunk)
//
// Shapes    u: (T, stride), b at column offset + h and a_raw at offset + H + h;  heads: (2, H) of dt_bias, a;
//           decays: (chunks, H, Q) vec4f of beta_t, l_t as an integer and a fraction, exp(l_last - l_t). Tokens past the
//           end have beta = 0 and no decay, which leaves sums and states as they are.
// Mapping   one workgroup a head and a chunk: x the head, y the chunk. Sums by doubling.
// Constants Q   tokens of a chunk, and invocations.
// Source    Yang et al. 2024, section 3.3; reference: logDecay and correctionStrength in src/reference/gated_delta.ts.

override Q: u32 = 32;

struct Params {
  heads: u32,   // H: value heads
  stride: u32,  // of u
  offset: u32,  // of b in a row of u
  beta_scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;                 // (T, stride)
@group(0) @binding(2) var<storage, read> heads: array<f32>;             // (2, H)
@group(0) @binding(3) var<storage, read_write> decays: array<vec4f>;    // (chunks, H, Q)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> sums: array<vec2f, Q>;

@compute @workgroup_size(Q)
fn delta_chunk_cumsum(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = workgroup.x;
  let t = workgroup.y * Q + lane;
  var beta = 0.0;
  var l = 0.0;
  if (t < step.tokens) {
    let at = t * params.stride + params.offset + head;
    beta = params.beta_scale * sigmoid(u[at]);
    l = heads[params.heads + head] * softplus(u[at + params.heads] + heads[head]);
  }
  var sum = split(vec2f(0.0, max(l, -1000.0)));  // exp is 0 there
  for (var reach = 1u; reach < Q; reach *= 2) {
    sums[lane] = sum;
    workgroupBarrier();
    if (lane >= reach) {
      sum = split(sum + sums[lane - reach]);
    }
    workgroupBarrier();
  }
  sums[lane] = sum;
  workgroupBarrier();
  decays[(workgroup.y * params.heads + head) * Q + lane] = vec4f(beta, sum, decay(sums[Q - 1] - sum));
}
