// uses: lib/step.wgsl, lib/math.wgsl
// conv1d_selective_state_update_gate_to_norm: one token through conv, SSM and gate of a Mamba-2 mixer:
//   v[c] = silu(conv_bias[c] + sum_k conv_weight[c, k] * raw[c, position - 3 + k]), split into x (H, P), B, C (G, N)
//   dt = clamp(softplus(dt_raw + dt_bias), dt_lo, dt_hi)
//   S[p, :] = exp(dt * a) * S[p, :] + dt * x[p] * B;   y[p] = S[p, :] . C + d * x[p];   r[p] = y[p] * silu(z[p])
// and r on its way into the gated RMSNorm: z = r * norm_weight, squares[workgroup] = sum of r[p]^2, or of y[p]^2 where the gate
// stands behind the norm
//
// Shapes    u: (z: I | x: I | B: G*N | C: G*N | dt: H) f32, the output of in_proj; z is replaced by what the norm gets.
//           conv_weight: (CD) vec4f, conv_bias: (CD) with CD = I + 2*G*N;  heads: (3, H) of dt_bias, a, d;
//           norm_weight: (I);  conv_state: (4, CD), column q % 4 holds the raw input of position q;
//           ssm_state: (H, P, N);  squares: (H * tiles of a head). Of several sequences, u, conv_state, ssm_state and
//           squares of the next are u_stride, conv_stride, ssm_stride and squares_stride further on.
// Mapping   one workgroup PT rows p of one head: x the tile, y the head, z the sequence; an invocation has four n of every
//           (WG / (N/4))-th row, of four rows at most. Column position % 4 is written here and read by no one in this
//           pass. All that comes from memory is asked for before the convolution.
// Constants WG   invocations a workgroup, at least N/4.
//           N    state size, a multiple of 4.     PT   rows of a workgroup, at most 4 * (WG / (N/4)) and WG.
//           GATE_LAST   1 where the gate stands behind the norm, 0 before it.
// Source    Dao & Gu 2024, eq. 1 and section 7; reference: conv1d.ts, selective_state_update.ts, to_norm.ts in
//           src/reference.
// Tried     On an H100, a layer of Bamba-9B: 14.9 us, 8.9 with inputs asked for first and the norm folded in. All that
//           it reads asked for before it stores anything, in loops no more: 8.2 to 7.5.

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
  u_stride: u32,        // from a sequence to the next, in f32; so the others, but
  conv_stride: u32,
  ssm_stride: u32,      // in vec4f
  squares_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> conv_weight: array<vec4f>;        // (CD)
@group(0) @binding(2) var<storage, read> conv_bias: array<f32>;            // (CD)
@group(0) @binding(3) var<storage, read> heads: array<f32>;                // (3, H)
@group(0) @binding(4) var<storage, read> norm_weight: array<f32>;          // (I)
@group(0) @binding(5) var<storage, read_write> u: array<f32>;              // (I + CD + H)
@group(0) @binding(6) var<storage, read_write> conv_state: array<f32>;     // (4, CD)
@group(0) @binding(7) var<storage, read_write> ssm_state: array<vec4f>;    // (H, P, N)
@group(0) @binding(8) var<storage, read_write> squares: array<f32>;        // (H * tiles)
@group(1) @binding(0) var<uniform> steps: array<Slot, 16>;

const PITCH_PAD: u32 = 1;  // rows of `dots` start in different banks

var<workgroup> x_tile: array<f32, PT>;
var<workgroup> b_tile: array<f32, N>;
var<workgroup> c_tile: array<f32, N>;
var<workgroup> dots: array<f32, PT * (N / 4 + PITCH_PAD) + 3>;
var<workgroup> row_squares: array<f32, PT + 3>;

// The inputs of the convolution of a channel: the three before, the new one, weights and bias.
struct Taps {
  raw: vec4f,
  weight: vec4f,
  bias: f32,
}

fn read_taps(sequence: u32, channel: u32, inner: u32, channels: u32) -> Taps {
  let at = steps[sequence].step.position;
  let state = sequence * params.conv_stride + channel;
  return Taps(
    vec4f(
      conv_state[((at + 1) % 4) * channels + state],
      conv_state[((at + 2) % 4) * channels + state],
      conv_state[((at + 3) % 4) * channels + state],
      u[sequence * params.u_stride + inner + channel],
    ),
    conv_weight[channel],
    conv_bias[channel],
  );
}

fn conv1d(taps: Taps) -> f32 {
  return silu(taps.bias + dot(taps.weight, taps.raw));
}

fn keep_column(sequence: u32, channel: u32, channels: u32, raw: f32) {
  conv_state[sequence * params.conv_stride + (steps[sequence].step.position % 4) * channels + channel] = raw;
}

@compute @workgroup_size(WG)
fn conv1d_selective_state_update_gate_to_norm(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sequence = workgroup.z;
  if (steps[sequence].step.halted != 0) {
    return;
  }
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
  let state_at = sequence * params.ssm_stride + (head * params.head_dim + first + row0) * (N / 4) + n4;
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
  let u_at = sequence * params.u_stride;
  let dt = clamp(softplus(u[u_at + inner + channels + head] + heads[head]), params.dt_lo, params.dt_hi);
  let decay = exp(dt * heads[params.heads + head]);
  // And what row `lane` needs at the end.
  let channel = head * params.head_dim + first + min(lane, rows - 1);
  let gate = silu(u[u_at + channel]);
  let weight = norm_weight[channel];
  let skip = heads[2 * params.heads + head];

  // For the compiler, a store could change a later load: so all loads come first. x's channel is that of row `lane`, so that
  // it is one of this workgroup's also in lanes behind the last row.
  let b_channel = inner + group * N + min(lane, N - 1);
  let c_channel = b_channel + params.groups * N;
  let x_taps = read_taps(sequence, channel, inner, channels);
  let b_taps = read_taps(sequence, b_channel, inner, channels);
  let c_taps = read_taps(sequence, c_channel, inner, channels);
  if (lane < rows) {
    x_tile[lane] = conv1d(x_taps);
    keep_column(sequence, channel, channels, x_taps.raw.w);
  }
  if (lane < N) {
    b_tile[lane] = conv1d(b_taps);
    c_tile[lane] = conv1d(c_taps);
    if (owns_group) {
      keep_column(sequence, b_channel, channels, b_taps.raw.w);
      keep_column(sequence, c_channel, channels, c_taps.raw.w);
    }
  }
  for (var n = lane + WG; n < N; n += WG) {
    let b_more = read_taps(sequence, inner + group * N + n, inner, channels);
    let c_more = read_taps(sequence, inner + (params.groups + group) * N + n, inner, channels);
    b_tile[n] = conv1d(b_more);
    c_tile[n] = conv1d(c_more);
    if (owns_group) {
      keep_column(sequence, inner + group * N + n, channels, b_more.raw.w);
      keep_column(sequence, inner + (params.groups + group) * N + n, channels, c_more.raw.w);
    }
  }
  workgroupBarrier();

  let b4 = dt * vec4f(b_tile[n4 * 4], b_tile[n4 * 4 + 1], b_tile[n4 * 4 + 2], b_tile[n4 * 4 + 3]);
  let c4 = vec4f(c_tile[n4 * 4], c_tile[n4 * 4 + 1], c_tile[n4 * 4 + 2], c_tile[n4 * 4 + 3]);
  let pitch = N / 4 + PITCH_PAD;
  if (count > 0) {
    let moved = decay * state[0] + x_tile[row0] * b4;
    ssm_state[state_at] = moved;
    dots[row0 * pitch + n4] = dot(moved, c4);
  }
  if (count > 1) {
    let moved = decay * state[1] + x_tile[row0 + stride] * b4;
    ssm_state[state_at + state_stride] = moved;
    dots[(row0 + stride) * pitch + n4] = dot(moved, c4);
  }
  if (count > 2) {
    let moved = decay * state[2] + x_tile[row0 + 2 * stride] * b4;
    ssm_state[state_at + 2 * state_stride] = moved;
    dots[(row0 + 2 * stride) * pitch + n4] = dot(moved, c4);
  }
  if (count > 3) {
    let moved = decay * state[3] + x_tile[row0 + 3 * stride] * b4;
    ssm_state[state_at + 3 * state_stride] = moved;
    dots[(row0 + 3 * stride) * pitch + n4] = dot(moved, c4);
  }
  workgroupBarrier();

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
    let normed = select(gated, output, GATE_LAST == 1);
    row_squares[lane] = normed * normed;
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
    squares[sequence * params.squares_stride + head * workgroups.x + workgroup.x] = dot(sums, vec4f(1.0));
  }
}
