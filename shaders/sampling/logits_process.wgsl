// uses: lib/sampling.wgsl, lib/sort_key.wgsl
// logits_process: s[v] of tokens seen in prompt or answer becomes s < 0 ? s * repetition : s / repetition, then
//   s[v] -= presence * (n[v] > 0) + frequency * n[v], with n[v] the times that the answer has v;  s[v] += bias[v];
//   s[v] = -infinity where the mask has no bit.
//   Of every CHUNK tokens it leaves the largest logit and the lowest token that has it.
//
// Shapes    logits: (V) f32 as bits, in place;  bias: (V) f32, read only with SAMPLING_BIAS;
//           counts: (V), bit 31: in the prompt, the rest: times in the answer;  mask: (ceil(V / 32)), bit v % 32 of word
//           v / 32: token v may come, read only with SAMPLING_MASK;  partials: (ceil(V / CHUNK)) (key, token).
// Mapping   one workgroup CHUNK tokens, an invocation every WG-th of them. The temperature is left to `sample`:
//           dividing by it could overflow, dividing the distance to the largest logit cannot.
//           NaN and infinities stay as they are; other magnitudes above 1e30 count as 1e30 where something is changed.
// Constants WG   invocations a workgroup, a power of two.
// Source    Keskar et al. 2019, section 4.1 (repetition); reference: processLogits in src/reference/sample.ts.

const WG = 256u;
const CHUNK = 4 * WG;

struct Params {
  vocabulary: u32,  // V
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> settings: Sampling;
@group(0) @binding(2) var<storage, read> counts: array<u32>;              // (V)
@group(0) @binding(3) var<storage, read> bias: array<f32>;                // (V)
@group(0) @binding(4) var<storage, read> mask: array<u32>;                // (ceil(V / 32))
@group(0) @binding(5) var<storage, read_write> logits: array<u32>;        // (V)
@group(0) @binding(6) var<storage, read_write> partials: array<vec2u>;    // (ceil(V / CHUNK))

var<workgroup> best: array<vec2u, WG>;  // key, token

fn processed(token: u32, bits: u32) -> u32 {
  if ((settings.flags & SAMPLING_MASK) != 0 && ((mask[token / 32] >> (token % 32)) & 1) == 0) {
    return 0xff800000;
  }
  if ((bits & 0x7f800000) == 0x7f800000) {
    return bits;
  }
  let count = counts[token];
  let times = f32(count & 0x7fffffff);
  let raw = bitcast<f32>(bits);
  var value = clamp(raw, -1e30, 1e30);
  if (count != 0) {
    value = select(value / settings.repetition_penalty, value * settings.repetition_penalty, value < 0);
    value -= settings.presence_penalty * min(times, 1) + settings.frequency_penalty * times;
  }
  var added = 0.0;
  if ((settings.flags & SAMPLING_BIAS) != 0) {
    added = bias[token];
  }
  // A token that nothing touches keeps its bits.
  return select(bits, bitcast<u32>(value + added), count != 0 || added != 0);
}

// The larger logit; of equals the lower token.
fn better(a: vec2u, b: vec2u) -> vec2u {
  return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
}

@compute @workgroup_size(WG)
fn logits_process(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var mine = vec2u(0, 0xffffffff);
  for (var part = 0u; part < 4; part++) {
    let token = group.x * CHUNK + part * WG + lane;
    if (token < params.vocabulary) {
      var bits = logits[token];
      if (settings.flags != 0) {
        bits = processed(token, bits);
        logits[token] = bits;
      }
      mine = better(mine, vec2u(sort_key(bits), token));
    }
  }
  best[lane] = mine;
  workgroupBarrier();
  for (var width = WG / 2; width > 0; width /= 2) {
    if (lane < width) {
      best[lane] = better(best[lane], best[lane + width]);
    }
    workgroupBarrier();
  }
  if (lane == 0) {
    partials[group.x] = best[0];
  }
}
