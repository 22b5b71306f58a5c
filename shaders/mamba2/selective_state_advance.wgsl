// uses: lib/step.wgsl
// selective_state_advance: the states of a Mamba-2 mixer behind the first T = step.tokens of the tokens that
//   conv1d_selective_state_updates_gate_to_norm went over:
//   S_t[p, :] = decay_t * S_(t-1)[p, :] + x_t[p] * (dt_t * B_t), and the raw inputs of the convolution into their columns
//
// Shapes    u: rows u_stride apart of (z: I | raw: CD | dt: H) and, at `moves` of each row, (x: I | B: G*N | dt: H |
//           decay: H), as that kernel leaves them;  conv_state: (4, CD), column q % 4 holds the raw input of position q;
//           ssm_state: (H, P, N).
// Mapping   an invocation four n of one row p: x the tile of a head, y the head. All of them together take the channels of
//           the convolution in turn. The expression is that of a single token's kernel: its states are these, bit for bit.
// Constants WG   invocations a workgroup.     N    state size, a multiple of 4.
// Source    Dao & Gu 2024, eq. 1; reference: selective_state_update.ts, conv1d.ts in src/reference.

override WG: u32 = 128;
override N: u32 = 128;

struct Params {
  heads: u32,     // H
  head_dim: u32,  // P
  groups: u32,    // G
  moves: u32,     // where in a row of u that part begins
  u_stride: u32,  // from a token to the next, in f32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<f32>;                    // (tokens, I + CD + H and the moves)
@group(0) @binding(2) var<storage, read_write> conv_state: array<f32>;     // (4, CD)
@group(0) @binding(3) var<storage, read_write> ssm_state: array<vec4f>;    // (H, P, N)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn selective_state_advance(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let inner = params.heads * params.head_dim;
  let grouped = params.groups * N;
  let channels = inner + 2 * grouped;
  let head = workgroup.y;
  let index = workgroup.x * WG + lane;
  let row = index / (N / 4);
  if (row < params.head_dim && step.tokens > 0) {
    let state_at = (head * params.head_dim + row) * (N / 4) + index % (N / 4);
    let b_at = inner + head / (params.heads / params.groups) * N + index % (N / 4) * 4;
    var state = ssm_state[state_at];
    for (var t = 0u; t < step.tokens; t++) {
      let at = t * params.u_stride + params.moves;
      let dt = u[at + inner + grouped + head];
      let decay = u[at + inner + grouped + params.heads + head];
      let b4 = dt * vec4f(u[at + b_at], u[at + b_at + 1], u[at + b_at + 2], u[at + b_at + 3]);
      state = decay * state + u[at + head * params.head_dim + row] * b4;
    }
    ssm_state[state_at] = state;
  }
  let all = workgroups.x * workgroups.y * WG;
  for (var channel = (head * workgroups.x + workgroup.x) * WG + lane; channel < channels; channel += all) {
    for (var t = max(step.tokens, 4) - 4; t < step.tokens; t++) {
      conv_state[(step.position + t) % 4 * channels + channel] = u[t * params.u_stride + inner + channel];
    }
  }
}
