// uses: lib/step.wgsl, lib/grid.wgsl, lib/math.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl
// rms_norm_matvec_selective_scan_gate: one token through the scan of a Mamba-1 mixer. Of w the columns delta, b and c are
//   each divided by sqrt(mean of squares + eps), then
//   dt[i] = softplus(W[i, :] . delta + dt_bias[i])
//   S[i, n] = exp(dt[i] * a[i, n]) * S[i, n] + dt[i] * x[i] * b[n];   y[i] = (S[i, :] . c + d[i] * x[i]) * silu(z[i])
//
// Shapes    w: (delta: R | b: N | c: N) f32, the output of x_proj;  weights: (rows, R) of dt_proj, any scheme;
//           u: (2*I), of which z is the second half;  heads: (2, I) of dt_bias, d;  a: (I, N);
//           v: (I), x before and y after;  ssm_state: (I, N). rows and first_row are multiples of 4.
// Mapping   one workgroup four channels: first as four rows of a matrix-vector product, then an invocation four n of one
//           of them. Each takes the three means by itself.
// Constants WG   invocations a workgroup, a power of two.    N   state size, a multiple of 4.
// Source    Gu & Dao 2023, section 3.2; transformers' FalconMambaMixer; reference: rms_norm.ts, matvec.ts, softplus.ts,
//           selective_scan.ts in src/reference.

override WG: u32 = 64;
override N: u32 = 16;

struct Params {
  rows: u32,
  first_row: u32,  // channel of the first row
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // R / 4
  channels: u32,   // I
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;                  // (R + 2 * N)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;            // (rows, R)
@group(0) @binding(3) var<storage, read> u: array<f32>;                    // (2 * I)
@group(0) @binding(4) var<storage, read> heads: array<f32>;                // (2, I)
@group(0) @binding(5) var<storage, read> a: array<vec4f>;                  // (I, N)
@group(0) @binding(6) var<storage, read_write> v: array<f32>;              // (I)
@group(0) @binding(7) var<storage, read_write> ssm_state: array<vec4f>;    // (I, N)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> dots: array<f32, N>;  // (4, N / 4)

fn input4(index: u32) -> vec4f {
  return select(vec4f(), w[index], index < params.columns4);
}

// This lane's share of the squares of w's columns 4*first .. 4*(first + count) - 1.
fn squares_of(first: u32, count: u32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var index = lane; index < count; index += WG) {
    let value = w[first + index];
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
  let of_delta = workgroup_sum(Sums(rows, squares_of(0, rank4, lane)), invocation);
  let of_b = squares_of(rank4, N / 4, lane);
  let of_c = squares_of(rank4 + N / 4, N / 4, lane);
  let of_bc = workgroup_sum(Sums(vec4f(of_b, of_c, 0.0, 0.0), 0.0), invocation).four;
  let delta_norm = inverseSqrt(of_delta.one / f32(4 * rank4) + params.eps);
  let bc_norm = inverseSqrt(of_bc.xy / f32(N) + params.eps);

  for (var index = lane; index < N; index += WG) {
    let row = first + index / (N / 4);
    let n4 = index % (N / 4);
    let channel = params.first_row + row;
    let raw = delta_norm * of_delta.four[index / (N / 4)] * row_scale(row, params.rows, params.blocks);
    let dt = softplus(raw + heads[channel]);
    let at = channel * (N / 4) + n4;
    let state = exp(dt * a[at]) * ssm_state[at] + dt * v[channel] * bc_norm.x * w[rank4 + n4];
    ssm_state[at] = state;
    dots[index] = dot(state, bc_norm.y * w[rank4 + N / 4 + n4]);
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
