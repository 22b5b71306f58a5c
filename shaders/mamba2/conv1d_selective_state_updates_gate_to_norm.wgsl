// uses: lib/step.wgsl, lib/math.wgsl
// conv1d_selective_state_updates_gate_to_norm: several tokens of one sequence, one after the other, through conv, SSM and
//   gate of a Mamba-2 mixer, each as in conv1d_selective_state_update_gate_to_norm, but that the states stay as they were:
//   v[t, c] = silu(conv_bias[c] + sum_k conv_weight[c, k] * raw[c, position + t - 3 + k]), split into x (H, P), B, C (G, N)
//   S_t[p, :] = exp(dt_t * a) * S_(t-1)[p, :] + dt_t * x_t[p] * B_t;   y_t[p] = S_t[p, :] . C_t + d * x_t[p]
//   z[t] = y_t * silu(z[t]) * norm_weight, and its squares before that weight, or those of y_t where the gate stands behind
//   the norm. What moves S_(t-1) to S_t is left behind u: selective_state_advance takes it, once it is known how far to go.
//
// Shapes    u: (T) rows u_stride apart of (z: I | x: I | B: G*N | C: G*N | dt: H), the output of in_proj, z replaced; and at
//           `moves` of each row what was made of it: (x: I | B: G*N | dt: H | exp(dt * a): H).
//           conv_weight: (CD) vec4f, conv_bias: (CD) with CD = I + 2*G*N;  heads: (3, H) of dt_bias, a, d;
//           norm_weight: (I);  conv_state: (4, CD), column q % 4 holds the raw input of position q;
//           ssm_state: (H, P, N);  squares: (T) rows squares_stride apart of (H * tiles of a head).
// Mapping   one workgroup PT rows p of one head: x the tile, y the head. It holds its part of the state in registers, and
//           takes the tokens in turn: an invocation has four n of every (WG / (N/4))-th row, of four rows at most.
// Constants WG   invocations a workgroup, at least N/4.
//           N    state size, a multiple of 4.     PT   rows of a workgroup, at most 4 * (WG / (N/4)) and WG.
//           GATE_LAST   1 where the gate stands behind the norm, 0 before it.
// Source    Dao & Gu 2024, eq. 1 and section 7; reference: conv1d.ts, selective_state_update.ts, to_norm.ts in
//           src/reference.

override WG: u32 = 128;
override N: u32 = 128;
override PT: u32 = 16;
override GATE_LAST: u32 = 0;

struct Params {
  heads: u32,     // H
  head_dim: u32,  // P
  groups: u32,    // G
  dt_lo: f32,
  dt_hi: f32,
  positions: u32,       // T
  moves: u32,           // where in a row of u that part begins
  u_stride: u32,        // from a token to the next, in f32
  squares_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> conv_weight: array<vec4f>;        // (CD)
@group(0) @binding(2) var<storage, read> conv_bias: array<f32>;            // (CD)
@group(0) @binding(3) var<storage, read> heads: array<f32>;                // (3, H)
@group(0) @binding(4) var<storage, read> norm_weight: array<f32>;          // (I)
@group(0) @binding(5) var<storage, read> conv_state: array<f32>;           // (4, CD)
@group(0) @binding(6) var<storage, read> ssm_state: array<vec4f>;          // (H, P, N)
@group(0) @binding(7) var<storage, read_write> u: array<f32>;              // (T, I + CD + H and the moves)
@group(0) @binding(8) var<storage, read_write> squares: array<f32>;        // (T, H * tiles)
@group(1) @binding(0) var<uniform> step: Step;

const PITCH_PAD: u32 = 1;  // rows of `dots` start in different banks

var<workgroup> x_tile: array<f32, PT>;
var<workgroup> b_tile: array<f32, N>;
var<workgroup> c_tile: array<f32, N>;
var<workgroup> dots: array<f32, PT * (N / 4 + PITCH_PAD) + 3>;
var<workgroup> row_squares: array<f32, PT + 3>;

// The raw input of a channel, `back` tokens before token t.
fn raw_input(t: u32, back: u32, channel: u32, inner: u32, channels: u32) -> f32 {
  if (back > t) {
    return conv_state[(step.position + t + 4 - back) % 4 * channels + channel];
  }
  return u[(t - back) * params.u_stride + inner + channel];
}

fn conv1d(t: u32, channel: u32, inner: u32, channels: u32) -> f32 {
  let raw = vec4f(
    raw_input(t, 3, channel, inner, channels),
    raw_input(t, 2, channel, inner, channels),
    raw_input(t, 1, channel, inner, channels),
    raw_input(t, 0, channel, inner, channels),
  );
  return silu(conv_bias[channel] + dot(conv_weight[channel], raw));
}

@compute @workgroup_size(WG)
fn conv1d_selective_state_updates_gate_to_norm(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let head = workgroup.y;
  let first = workgroup.x * PT;
  let inner = params.heads * params.head_dim;
  let channels = inner + 2 * params.groups * N;
  let heads_per_group = params.heads / params.groups;
  let group = head / heads_per_group;
  let owns_group = workgroup.x == 0 && head % heads_per_group == 0;
  let rows = min(PT, params.head_dim - first);

  // This lane's part of the state: rows row0, row0 + stride, ..
  let n4 = lane % (N / 4);
  let row0 = lane / (N / 4);
  let stride = WG / (N / 4);
  let state_at = (head * params.head_dim + first + row0) * (N / 4) + n4;
  let state_stride = stride * (N / 4);
  let count = select(0u, min(4u, (rows + stride - 1 - min(row0, rows)) / stride), row0 < stride);
  var state = mat4x4f();
  if (count > 0) {
    state[0] = ssm_state[state_at];
  }
  if (count > 1) {
    state[1] = ssm_state[state_at + state_stride];
  }
  if (count > 2) {
    state[2] = ssm_state[state_at + 2 * state_stride];
  }
  if (count > 3) {
    state[3] = ssm_state[state_at + 3 * state_stride];
  }
  // What row `lane` needs at the end of each token.
  let channel = head * params.head_dim + first + min(lane, rows - 1);
  let weight = norm_weight[channel];
  let skip = heads[2 * params.heads + head];
  let pitch = N / 4 + PITCH_PAD;

  for (var t = 0u; t < params.positions; t++) {
    let u_at = t * params.u_stride;
    let dt = clamp(softplus(u[u_at + inner + channels + head] + heads[head]), params.dt_lo, params.dt_hi);
    let decay = exp(dt * heads[params.heads + head]);
    let gate = silu(u[u_at + channel]);
    if (lane < rows) {
      x_tile[lane] = conv1d(t, channel, inner, channels);
    }
    for (var n = lane; n < N; n += WG) {
      b_tile[n] = conv1d(t, inner + group * N + n, inner, channels);
      c_tile[n] = conv1d(t, inner + (params.groups + group) * N + n, inner, channels);
    }
    workgroupBarrier();

    let b4 = dt * vec4f(b_tile[n4 * 4], b_tile[n4 * 4 + 1], b_tile[n4 * 4 + 2], b_tile[n4 * 4 + 3]);
    let c4 = vec4f(c_tile[n4 * 4], c_tile[n4 * 4 + 1], c_tile[n4 * 4 + 2], c_tile[n4 * 4 + 3]);
    if (count > 0) {
      state[0] = decay * state[0] + x_tile[row0] * b4;
      dots[row0 * pitch + n4] = dot(state[0], c4);
    }
    if (count > 1) {
      state[1] = decay * state[1] + x_tile[row0 + stride] * b4;
      dots[(row0 + stride) * pitch + n4] = dot(state[1], c4);
    }
    if (count > 2) {
      state[2] = decay * state[2] + x_tile[row0 + 2 * stride] * b4;
      dots[(row0 + 2 * stride) * pitch + n4] = dot(state[2], c4);
    }
    if (count > 3) {
      state[3] = decay * state[3] + x_tile[row0 + 3 * stride] * b4;
      dots[(row0 + 3 * stride) * pitch + n4] = dot(state[3], c4);
    }
    workgroupBarrier();

    let moves_at = u_at + params.moves;
    if (lane < rows) {
      // Four sums at a time, so that additions do not wait for each other.
      var sums = vec4f(skip * x_tile[lane], 0.0, 0.0, 0.0);
      let at = lane * pitch;
      for (var n = 0u; n < N / 4; n += 4) {
        sums += vec4f(
          dots[at + n],
          select(0.0, dots[at + n + 1], n + 1 < N / 4),
          select(0.0, dots[at + n + 2], n + 2 < N / 4),
          select(0.0, dots[at + n + 3], n + 3 < N / 4),
        );
      }
      let output = dot(sums, vec4f(1.0));
      let gated = output * gate;
      u[u_at + channel] = gated * weight;
      u[moves_at + channel] = x_tile[lane];
      let normed = select(gated, output, GATE_LAST == 1);
      row_squares[lane] = normed * normed;
    }
    if (owns_group) {
      for (var n = lane; n < N; n += WG) {
        u[moves_at + inner + group * N + n] = b_tile[n];
      }
    }
    if (workgroup.x == 0 && lane == 0) {
      let steps_at = moves_at + inner + params.groups * N + head;
      u[steps_at] = dt;
      u[steps_at + params.heads] = decay;
    }
    workgroupBarrier();
    if (lane == 0) {
      var sums = vec4f();
      for (var row = 0u; row < rows; row += 4) {
        sums += vec4f(
          row_squares[row],
          select(0.0, row_squares[row + 1], row + 1 < rows),
          select(0.0, row_squares[row + 2], row + 2 < rows),
          select(0.0, row_squares[row + 3], row + 3 < rows),
        );
      }
      squares[t * params.squares_stride + head * workgroups.x + workgroup.x] = dot(sums, vec4f(1.0));
    }
  }
}
