// uses: lib/step.wgsl, lib/math.wgsl
// conv1d_selective_state_update_gate: one token through conv, SSM and gate of a Mamba-2 mixer:
//   v[c] = silu(conv_bias[c] + sum_k conv_weight[c, k] * raw[c, position - 3 + k]), split into x (H, P), B, C (G, N)
//   dt = clamp(softplus(dt_raw + dt_bias), dt_lo, dt_hi)
//   S[p, :] = exp(dt * a) * S[p, :] + dt * x[p] * B;   y[p] = S[p, :] . C + d * x[p];   z[p] = y[p] * silu(z[p])
//
// Shapes    u: (z: I | x: I | B: G*N | C: G*N | dt: H) f32, the output of in_proj; z is replaced by the gated y.
//           conv_weight: (CD) vec4f, conv_bias: (CD) with CD = I + 2*G*N;  dt_bias, a, d: (H);
//           conv_state: (4, CD), column q % 4 holds the raw input of position q;  ssm_state: (H, P, N).
// Mapping   one workgroup PT rows p of one head; an invocation has four n of every (WG / (N/4))-th row.
//           Column position % 4 is written here and read by no one in this pass.
// Constants WG   invocations a workgroup, at least N/4 and PT.
//           N    state size, a multiple of 4.     PT   rows of a workgroup.
// Source    Dao & Gu 2024, eq. 1 and section 7; reference: conv1d.ts, selective_state_update.ts in src/reference.

override WG: u32 = 128;
override N: u32 = 128;
override PT: u32 = 16;

struct Params {
  heads: u32,     // H
  head_dim: u32,  // P
  groups: u32,    // G
  dt_lo: f32,
  dt_hi: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> conv_weight: array<vec4f>;        // (CD)
@group(0) @binding(2) var<storage, read> conv_bias: array<f32>;            // (CD)
@group(0) @binding(3) var<storage, read> dt_bias: array<f32>;              // (H)
@group(0) @binding(4) var<storage, read> a: array<f32>;                    // (H)
@group(0) @binding(5) var<storage, read> d: array<f32>;                    // (H)
@group(0) @binding(6) var<storage, read_write> u: array<f32>;              // (I + CD + H)
@group(0) @binding(7) var<storage, read_write> conv_state: array<f32>;     // (4, CD)
@group(0) @binding(8) var<storage, read_write> ssm_state: array<vec4f>;    // (H, P, N)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> x_tile: array<f32, PT>;
var<workgroup> b_tile: array<f32, N>;
var<workgroup> c_tile: array<f32, N>;
var<workgroup> dots: array<f32, PT * N / 4>;

// Convolution of one channel; `keep` says whether this workgroup stores the channel's new column.
fn conv1d(channel: u32, inner: u32, channels: u32, keep: bool) -> f32 {
  let raw = u[inner + channel];
  let at = step.position;
  let taps = vec4f(
    conv_state[((at + 1) % 4) * channels + channel],
    conv_state[((at + 2) % 4) * channels + channel],
    conv_state[((at + 3) % 4) * channels + channel],
    raw,
  );
  if (keep) {
    conv_state[(at % 4) * channels + channel] = raw;
  }
  return silu(conv_bias[channel] + dot(conv_weight[channel], taps));
}

@compute @workgroup_size(WG)
fn conv1d_selective_state_update_gate(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (step.halted != 0) {
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

  for (var index = lane; index < rows; index += WG) {
    x_tile[index] = conv1d(head * params.head_dim + first + index, inner, channels, true);
  }
  for (var n = lane; n < N; n += WG) {
    b_tile[n] = conv1d(inner + group * N + n, inner, channels, owns_group);
    c_tile[n] = conv1d(inner + (params.groups + group) * N + n, inner, channels, owns_group);
  }
  workgroupBarrier();

  let dt = clamp(softplus(u[inner + channels + head] + dt_bias[head]), params.dt_lo, params.dt_hi);
  let decay = exp(dt * a[head]);
  let n4 = lane % (N / 4);
  let stride = WG / (N / 4);
  let b4 = vec4f(b_tile[n4 * 4], b_tile[n4 * 4 + 1], b_tile[n4 * 4 + 2], b_tile[n4 * 4 + 3]);
  let c4 = vec4f(c_tile[n4 * 4], c_tile[n4 * 4 + 1], c_tile[n4 * 4 + 2], c_tile[n4 * 4 + 3]);
  if (lane < stride * (N / 4)) {
    for (var row = lane / (N / 4); row < rows; row += stride) {
      let at = (head * params.head_dim + first + row) * (N / 4) + n4;
      let state = decay * ssm_state[at] + dt * x_tile[row] * b4;
      ssm_state[at] = state;
      dots[row * (N / 4) + n4] = dot(state, c4);
    }
  }
  workgroupBarrier();

  for (var row = lane; row < rows; row += WG) {
    var y = d[head] * x_tile[row];
    for (var n = 0u; n < N / 4; n++) {
      y += dots[row * (N / 4) + n];
    }
    let channel = head * params.head_dim + first + row;
    u[channel] = y * silu(u[channel]);
  }
}
