// uses: lib/step.wgsl, lib/log_decay.wgsl
// ssd_state_passing: the states that enter the chunks of a pass, one after the other, and the one behind the last:
//   states[chunk] = S;   S = exp(l_last) S + sum_s exp(l_last - l_s) dt_s x_s B_s^T
//
// Shapes    v: (T, CD) f32 of x: (H, P) | B: (G, N) | C: (G, N);  decays: (chunks, H, Q) as ssd_chunk_cumsum leaves them;
//           ssm_state: (H, P, N);  states: (chunks, H, P, N).
// Mapping   one workgroup WG of a head's P/4 * N/4 squares of four p by four n, each in an invocation's registers from
//           the first chunk to the last: x the part of the head, y the head.
// Constants WG   invocations.    Q   tokens of a chunk.    N   state size, a multiple of 4.
// Hazards   exp(l_last - l_s) is never factored (it is in `decays`).
// Source    Dao & Gu 2024, section 6, listing 1, steps 2 and 3; reference: src/reference/ssd.ts.

override WG: u32 = 128;
override Q: u32 = 64;
override N: u32 = 128;

struct Params {
  heads: u32,     // H
  head_dim: u32,  // P
  groups: u32,    // G
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;                  // (T, CD)
@group(0) @binding(2) var<storage, read> decays: array<vec4f>;             // (chunks, H, Q)
@group(0) @binding(3) var<storage, read_write> ssm_state: array<vec4f>;    // (H, P, N)
@group(0) @binding(4) var<storage, read_write> states: array<vec4f>;       // (chunks, H, P, N)
@group(1) @binding(0) var<uniform> step: Step;

fn with_token(state: mat4x4f, x: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(x.x), b, state[0]),
    fma(vec4f(x.y), b, state[1]),
    fma(vec4f(x.z), b, state[2]),
    fma(vec4f(x.w), b, state[3]),
  );
}

@compute @workgroup_size(WG)
fn ssd_state_passing(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let square = workgroup.x * WG + lane;
  let head = workgroup.y;
  if (square >= params.head_dim / 4 * (N / 4)) {
    return;
  }
  let p4 = square / (N / 4);
  let n4 = square % (N / 4);
  let inner = params.heads * params.head_dim;
  let stride4 = (inner + 2 * params.groups * N) / 4;
  let x_offset4 = (head * params.head_dim) / 4 + p4;
  let b_offset4 = (inner + head / (params.heads / params.groups) * N) / 4 + n4;
  let state_at = (head * params.head_dim + p4 * 4) * (N / 4) + n4;
  var state = mat4x4f(
    ssm_state[state_at],
    ssm_state[state_at + N / 4],
    ssm_state[state_at + 2 * (N / 4)],
    ssm_state[state_at + 3 * (N / 4)],
  );
  for (var chunk = 0u; chunk * Q < step.tokens; chunk++) {
    let out_at = chunk * inner * (N / 4) + state_at;
    states[out_at] = state[0];
    states[out_at + N / 4] = state[1];
    states[out_at + 2 * (N / 4)] = state[2];
    states[out_at + 3 * (N / 4)] = state[3];
    let decays_at = (chunk * params.heads + head) * Q;
    state *= decay(decays[decays_at + Q - 1].yz);
    // Four tokens at a time, so that their loads do not wait for each other. Those past the end have a factor of 0, and
    // read the last.
    let last = step.tokens - 1;
    for (var s = 0u; s < Q && chunk * Q + s < step.tokens; s += 4) {
      let t = min(chunk * Q + s + vec4u(0, 1, 2, 3), vec4u(last)) * stride4;
      let b0 = decays[decays_at + s].w * v[t.x + b_offset4];
      let b1 = decays[decays_at + s + 1].w * v[t.y + b_offset4];
      let b2 = decays[decays_at + s + 2].w * v[t.z + b_offset4];
      let b3 = decays[decays_at + s + 3].w * v[t.w + b_offset4];
      let x0 = v[t.x + x_offset4];
      let x1 = v[t.y + x_offset4];
      let x2 = v[t.z + x_offset4];
      let x3 = v[t.w + x_offset4];
      state = with_token(with_token(with_token(with_token(state, x0, b0), x1, b1), x2, b2), x3, b3);
    }
  }
  ssm_state[state_at] = state[0];
  ssm_state[state_at + N / 4] = state[1];
  ssm_state[state_at + 2 * (N / 4)] = state[2];
  ssm_state[state_at + 3 * (N / 4)] = state[3];
}
