// uses: lib/step.wgsl, lib/math.wgsl
// selective_scan_gate: the scan of a Mamba-1 mixer over T tokens from an incoming state, and the gate behind it:
//   dt = softplus(dt_raw + dt_bias)
//   S[i, n] = exp(dt[i] * a[i, n]) * S[i, n] + dt[i] * x[i] * b[n];   y[i] = (S[i, :] . c + d[i] * x[i]) * silu(z[i])
//
// Shapes    dt_raw: (T, I) f32;  u: (T, 2*I), of which z is the second half of a row;  bc: (T, 2*M*N), b of all heads before
//           c, and head m has the channels from m*I/M on;  dt_bias, d: (I);  a: (I, N);  v: (T, I), x before and y after;
//           ssm_state: (I, N).
// Mapping   one workgroup CHANNELS channels, an invocation four n of one channel, whose state it keeps in registers. It
//           goes through TILE tokens at a time; what they add to y is summed over n when the tile is done.
// Constants CHANNELS   channels of a workgroup, which has CHANNELS * N / 4 invocations.
//           N          state size, a multiple of 4.
// Source    Gu & Dao 2023, algorithm 2; reference: selective_scan.ts, softplus.ts in src/reference.

override CHANNELS: u32 = 16;
override N: u32 = 16;

struct Params {
  channels: u32,       // I
  head_channels: u32,  // I / M
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dt_raw: array<f32>;               // (T, I)
@group(0) @binding(2) var<storage, read> u: array<f32>;                    // (T, 2 * I)
@group(0) @binding(3) var<storage, read> bc: array<vec4f>;                 // (T, 2 * M * N)
@group(0) @binding(4) var<storage, read> dt_bias: array<f32>;              // (I)
@group(0) @binding(5) var<storage, read> a: array<vec4f>;                  // (I, N)
@group(0) @binding(6) var<storage, read> d: array<f32>;                    // (I)
@group(0) @binding(7) var<storage, read_write> v: array<f32>;              // (T, I)
@group(0) @binding(8) var<storage, read_write> ssm_state: array<vec4f>;    // (I, N)
@group(1) @binding(0) var<uniform> step: Step;

const TILE: u32 = 16;

var<workgroup> dt: array<f32, TILE * CHANNELS>;
var<workgroup> x: array<f32, TILE * CHANNELS>;
var<workgroup> dots: array<f32, TILE * CHANNELS * N / 4>;

@compute @workgroup_size(CHANNELS * N / 4)
fn selective_scan_gate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first_channel = group.x * CHANNELS;
  let channels = min(CHANNELS, params.channels - first_channel);
  let own = min(lane / (N / 4), channels - 1);  // those behind the last repeat it, and keep nothing
  let n4 = lane % (N / 4);
  let at = (first_channel + own) * (N / 4) + n4;
  let states4 = params.channels / params.head_channels * (N / 4);
  let b4 = (first_channel + own) / params.head_channels * (N / 4) + n4;
  let a4 = a[at];
  var state = ssm_state[at];

  for (var first = 0u; first < step.tokens; first += TILE) {
    let length = min(TILE, step.tokens - first);
    for (var index = lane; index < length * channels; index += CHANNELS * N / 4) {
      let channel = first_channel + index % channels;
      let place = (first + index / channels) * params.channels + channel;
      dt[index] = softplus(dt_raw[place] + dt_bias[channel]);
      x[index] = v[place];
    }
    workgroupBarrier();
    for (var t = 0u; t < length; t++) {
      let step_size = dt[t * channels + own];
      let row = (first + t) * 2 * states4 + b4;
      state = exp(step_size * a4) * state + step_size * x[t * channels + own] * bc[row];
      dots[t * CHANNELS * N / 4 + lane] = dot(state, bc[row + states4]);
    }
    workgroupBarrier();
    for (var index = lane; index < length * channels; index += CHANNELS * N / 4) {
      let t = index / channels;
      let channel = first_channel + index % channels;
      var sum = d[channel] * x[index];
      let dots_at = (t * CHANNELS + index % channels) * (N / 4);
      for (var n = 0u; n < N / 4; n++) {
        sum += dots[dots_at + n];
      }
      v[(first + t) * params.channels + channel] =
        sum * silu(u[(first + t) * 2 * params.channels + params.channels + channel]);
    }
    workgroupBarrier();
  }
  if (lane / (N / 4) < channels) {
    ssm_state[at] = state;
  }
}
