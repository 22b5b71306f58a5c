// uses: lib/step.wgsl, lib/math.wgsl, lib/log_decay.wgsl
// ssd_chunk_cumsum: of every token t of a chunk and every head
//   dt_t = clamp(softplus(dt_raw_t + dt_bias), dt_lo, dt_hi);   l_t = sum_{s<=t} dt_s * a      (within the chunk)
//
// Shapes    u: (T, stride), dt_raw at column dt_offset + h;  dt_bias, a: (H);
//           decays: (chunks, H, Q) vec4f of dt_t, l_t as an integer and a fraction, exp(l_last - l_t) * dt_t. Tokens
//           past the end have dt = 0, which leaves sums and states as they are.
// Mapping   one workgroup a head and a chunk: x the head, y the chunk. Sums by doubling.
// Constants Q   tokens of a chunk, and invocations.
// Source    Dao & Gu 2024, section 6, listing 1 (segsum); reference: ssdDecays in src/reference/ssd.ts.

override Q: u32 = 64;

struct Params {
  heads: u32,      // H
  stride: u32,     // of u
  dt_offset: u32,  // of dt in a row of u
  dt_lo: f32,
  dt_hi: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;                 // (T, stride)
@group(0) @binding(2) var<storage, read> dt_bias: array<f32>;           // (H)
@group(0) @binding(3) var<storage, read> a: array<f32>;                 // (H)
@group(0) @binding(4) var<storage, read_write> decays: array<vec4f>;    // (chunks, H, Q)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> sums: array<vec2f, Q>;

@compute @workgroup_size(Q)
fn ssd_chunk_cumsum(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = workgroup.x;
  let t = workgroup.y * Q + lane;
  var dt = 0.0;
  if (t < step.tokens) {
    dt = clamp(softplus(u[t * params.stride + params.dt_offset + head] + dt_bias[head]), params.dt_lo, params.dt_hi);
  }
  var sum = split(vec2f(0.0, max(dt * a[head], -1000.0)));  // exp is 0 there
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
  decays[(workgroup.y * params.heads + head) * Q + lane] = vec4f(dt, sum, dt * decay(sums[Q - 1] - sum));
}
