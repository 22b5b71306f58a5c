// uses: lib/step.wgsl, lib/grid.wgsl, lib/math.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl
// rms_norm_matvec_selective_scan_gate: one token through the scan of a Mamba-1 mixer. Of w the columns delta, b and c are
//   each divided by sqrt(mean of squares + eps) and multiplied by norm_weight, or one of these or neither, then
//   dt[i] = softplus(W[i, :] . delta + dt_bias[i])
//   S[i, n] = exp(dt[i] * a[i, n]) * S[i, n] + dt[i] * x[i] * b[n];   y[i] = (S[i, :] . c + d[i] * x[i]) * silu(z[i])
//
// Shapes    w: (delta: R | b: M*N | c: M*N) f32, the output of x_proj, head m being that of channels m*I/M on;
//           weights: (rows, R) of dt_proj, any scheme;  norm_weight: (R + 2*N), read by NORM 2 alone;
//           u: (2*I), of which z is the second half;  heads: (2, I) of dt_bias, d;  a: (I, N);
//           v: (I), x before and y after;  ssm_state: (I, N). rows, first_row and I/M are multiples of 4. With norms M is
//           1, and the mean of delta is over its first `rank` columns.
// Mapping   one workgroup four channels: first as four rows of a matrix-vector product, then an invocation four n of one
//           of them. Each takes the three means by itself.
// Constants WG    invocations a workgroup, a power of two.    N   state size, a multiple of 4.
//           NORM  0 no norms, 1 norms, 2 norms with a weight.
// Source    Gu & Dao 2023, section 3.2; transformers' FalconMambaMixer, JambaMambaMixer and
//           ZambaMambaMixer; reference: rms_norm.ts, matvec.ts, softplus.ts,
//           selective_scan.ts in src/reference.

override WG: u32 = 64;
override N: u32 = 16;
override NORM: u32 = 1;

struct Params {
  rows: u32,
  first_row: u32,      // channel of the first row
  blocks: u32,         // 16-byte blocks of a row
  columns4: u32,       // R / 4
  rank: u32,           // columns of delta that count
  channels: u32,       // I
  head_channels: u32,  // I / M
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;                  // (R + 2 * M * N)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;            // (rows, R)
@group(0) @binding(3) var<storage, read> norm_weight: array<vec4f>;        // (R + 2 * N)
@group(0) @binding(4) var<storage, read> u: array<f32>;                    // (2 * I)
@group(0) @binding(5) var<storage, read> heads: array<f32>;                // (2, I)
@group(0) @binding(6) var<storage, read> a: array<vec4f>;                  // (I, N)
@group(0) @binding(7) var<storage, read_write> v: array<f32>;              // (I)
@group(0) @binding(8) var<storage, read_write> ssm_state: array<vec4f>;    // (I, N)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> dots: array<f32, N>;  // (4, N / 4)

// Four columns of w, with the weight of their norm.
fn weighted(index: u32) -> vec4f {
  if (NORM == 2) {
    return w[index] * norm_weight[index];
  }
  return w[index];
}

fn input4(index: u32) -> vec4f {
  return select(vec4f(), weighted(index), index < params.columns4);
}

// This lane's share of the squares of `counted` columns of w from 4*first on.
fn squares_of(first: u32, counted: u32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var index = lane; 4 * index < counted; index += WG) {
    let places = vec4u(4 * index, 4 * index + 1, 4 * index + 2, 4 * index + 3);
    let value = select(vec4f(), w[first + index], places < vec4u(counted));
    sum += dot(value, value);
  }
  return sum;
}

@compute @workgroup_size(WG)
fn rms_norm_matvec_selective_scan_gate(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.rows || step.halted != 0) {
    return;
  }
  let lane = invocation.lane;
  let rank4 = params.columns4;
  let rows = matvec_rows(first, params.rows, params.blocks, lane);
  var squares = 0.0;
  if (NORM > 0) {
    squares = squares_of(0, params.rank, lane);
  }
  let of_delta = workgroup_sum(Sums(rows, squares), invocation);
  var delta_norm = 1.0;
  var bc_norm = vec2f(1.0);
  if (NORM > 0) {
    let of_b = squares_of(rank4, N, lane);
    let of_c = squares_of(rank4 + N / 4, N, lane);
    let of_bc = workgroup_sum(Sums(vec4f(of_b, of_c, 0.0, 0.0), 0.0), invocation).four;
    delta_norm = inverseSqrt(of_delta.one / f32(params.rank) + params.eps);
    bc_norm = inverseSqrt(of_bc.xy / f32(N) + params.eps);
  }
  // The four channels are of one head.
  let b4 = rank4 + (params.first_row + first) / params.head_channels * (N / 4);
  let states4 = params.channels / params.head_channels * (N / 4);

  for (var index = lane; index < N; index += WG) {
    let row = first + index / (N / 4);
    let n4 = index % (N / 4);
    let channel = params.first_row + row;
    let raw = delta_norm * of_delta.four[index / (N / 4)] * row_scale(row, params.rows, params.blocks);
    let dt = softplus(raw + heads[channel]);
    let at = channel * (N / 4) + n4;
    let state = exp(dt * a[at]) * ssm_state[at] + dt * v[channel] * bc_norm.x * weighted(b4 + n4);
    ssm_state[at] = state;
    dots[index] = dot(state, bc_norm.y * weighted(b4 + states4 + n4));
  }
  workgroupBarrier();
  for (var row = lane; row < 4; row += WG) {
    let channel = params.first_row + first + row;
    var sum = heads[params.channels + channel] * v[channel];
    for (var n4 = 0u; n4 < N / 4; n4++) {
      sum += dots[row * (N / 4) + n4];
    }
    v[channel] = sum * silu(u[params.channels + channel]);
  }
}
