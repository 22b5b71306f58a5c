// uses: lib/step.wgsl
// short_conv: v[t, c] = C[t, c] * (bias[c] + sum_k weight[c, k] * g[position + t - K + 1 + k, c]) with g = B * x, and the new
//   state, which holds g
//
// Shapes    u: (T, B: C | C: C | x: C) f32, to which the biases of these are added;  biases: (4, C) of B, C, x and the
//           convolution;  weight: (C) vec4f, K taps first, the last of them for the token itself;  v: (T, C);
//           state: (4, C), column q % 4 holds g of position q. C is a multiple of 4.
// Mapping   x: one invocation four channels; y: a tile of TILE tokens. The first tile alone reads the state, and then
//           writes it: no invocation reads what another one writes.
// Constants WG    invocations a workgroup.    TILE  tokens of an invocation.    K  taps, from 2 to 4.
// Source    transformers' Lfm2ShortConv; reference: src/reference/short_conv.ts.

override WG: u32 = 64;
override TILE: u32 = 16;
override K: u32 = 3;

struct Params {
  channels4: u32,  // C / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;              // (T, 3 * C)
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;         // (C)
@group(0) @binding(3) var<storage, read> biases: array<vec4f>;         // (4, C)
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;        // (T, C)
@group(0) @binding(5) var<storage, read_write> state: array<vec4f>;    // (4, C)
@group(1) @binding(0) var<uniform> step: Step;

// Part `part` of token t's row of u, with its bias.
fn projected(t: u32, part: u32, channel: u32) -> vec4f {
  return u[(3 * t + part) * params.channels4 + channel] + biases[part * params.channels4 + channel];
}

// g of the token `back` tokens before token t.
fn gated(t: u32, back: u32, channel: u32) -> vec4f {
  if (t >= back) {
    return projected(t - back, 0, channel) * projected(t - back, 2, channel);
  }
  return state[((step.position + t + 4 - back) % 4) * params.channels4 + channel];
}

// K taps at the end of four, so that the last is always the token's own.
fn at_end(taps: vec4f) -> vec4f {
  if (K == 2) {
    return vec4f(0.0, 0.0, taps.xy);
  }
  if (K == 3) {
    return vec4f(0.0, taps.xyz);
  }
  return taps;
}

@compute @workgroup_size(WG)
fn short_conv(@builtin(global_invocation_id) invocation: vec3u) {
  let channel = invocation.x;
  let first = invocation.y * TILE;
  if (channel >= params.channels4 || first >= step.tokens) {
    return;
  }
  // A column is one tap of the four channels.
  let taps = transpose(
    mat4x4f(
      at_end(weight[4 * channel]),
      at_end(weight[4 * channel + 1]),
      at_end(weight[4 * channel + 2]),
      at_end(weight[4 * channel + 3]),
    ),
  );
  let bias = biases[3 * params.channels4 + channel];
  var before3 = vec4f();
  if (K > 3) {
    before3 = gated(first, 3, channel);
  }
  var before2 = vec4f();
  if (K > 2) {
    before2 = gated(first, 2, channel);
  }
  var before1 = gated(first, 1, channel);
  for (var t = first; t < min(first + TILE, step.tokens); t++) {
    let now = gated(t, 0, channel);
    var sum = bias + taps[3] * now + taps[2] * before1;
    if (K > 2) {
      sum += taps[1] * before2;
    }
    if (K > 3) {
      sum += taps[0] * before3;
    }
    v[t * params.channels4 + channel] = projected(t, 1, channel) * sum;
    before3 = before2;
    before2 = before1;
    before1 = now;
  }
  if (first == 0) {
    for (var back = min(step.tokens, 3); back > 0; back--) {
      let t = step.tokens - back;
      state[((step.position + t) % 4) * params.channels4 + channel] = gated(t, 0, channel);
    }
  }
}
