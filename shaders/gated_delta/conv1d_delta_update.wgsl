// uses: lib/step.wgsl, lib/math.wgsl, lib/reduce.wgsl
// conv1d_delta_update: one token through conv and recurrence of a gated delta mixer:
//   c = silu(sum_k conv_weight[c, k] * raw[c, position - 3 + k]), split into q, k (HK, DK) and v (H, DV);  q and k normed
//   beta = beta_scale / (1 + exp(-b));   g = a * softplus(a_raw + dt_bias)
//   S = exp(g) S;   S = S + k (beta (v - S^T k))^T;   y = S^T q
//
// Shapes    u: (z: H*DV | q: HK*DK | k: HK*DK | v: H*DV | b: H | a_raw: H) f32, the output of in_proj;
//           conv_weight: (CD) vec4f with CD = 2*HK*DK + H*DV;  heads: (2, H) of dt_bias, a;
//           conv_state: (4, CD), column q % 4 holds the raw input of position q;  ssm_state: (H, DK, DV);  y: (H, DV).
// Mapping   one workgroup VT columns of a head's state: x the tile, y the value head; an invocation has four columns of
//           every (WG / (VT/4))-th row. All workgroups of a head make its q and k. Column position % 4 is written here
//           and read by no one in this pass.
// Constants WG   invocations a workgroup, a power of two, at least VT.
//           DK   key width, a multiple of 4.    DV  value width, a multiple of 4.    VT  columns of a workgroup.
// Source    Yang et al. 2024, equation 10; reference: conv1d.ts, gated_delta.ts in src/reference.

override WG: u32 = 128;
override DK: u32 = 128;
override DV: u32 = 128;
override VT: u32 = 16;

struct Params {
  key_heads: u32,  // HK
  heads: u32,      // H: value heads
  beta_scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> conv_weight: array<vec4f>;        // (CD)
@group(0) @binding(2) var<storage, read> heads: array<f32>;                // (2, H)
@group(0) @binding(3) var<storage, read> u: array<f32>;                    // (H * DV + CD + 2 * H)
@group(0) @binding(4) var<storage, read_write> conv_state: array<f32>;     // (4, CD)
@group(0) @binding(5) var<storage, read_write> ssm_state: array<vec4f>;    // (H, DK, DV)
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;            // (H, DV)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> queries: array<f32, DK>;
var<workgroup> keys: array<f32, DK>;
var<workgroup> inputs: array<f32, VT>;
var<workgroup> found: array<vec4f, WG>;
var<workgroup> asked: array<vec4f, WG>;

// The convolution of a channel. `keeps` says whether this workgroup is the one that writes its raw input.
fn conv1d(channel: u32, channels: u32, keeps: bool) -> f32 {
  let at = step.position;
  let raw = u[params.heads * DV + channel];
  let window = vec4f(
    conv_state[((at + 1) % 4) * channels + channel],
    conv_state[((at + 2) % 4) * channels + channel],
    conv_state[((at + 3) % 4) * channels + channel],
    raw,
  );
  if (keeps) {
    conv_state[(at % 4) * channels + channel] = raw;
  }
  return silu(dot(conv_weight[channel], window));
}

@compute @workgroup_size(WG)
fn conv1d_delta_update(@builtin(workgroup_id) workgroup: vec3u, invocation: Invocation) {
  if (step.halted != 0) {
    return;
  }
  let lane = invocation.lane;
  let head = workgroup.y;
  let heads_per_key = params.heads / params.key_heads;
  let key_head = head / heads_per_key;
  let all_keys = params.key_heads * DK;
  let channels = 2 * all_keys + params.heads * DV;
  let owns_key = workgroup.x == 0 && head % heads_per_key == 0;
  let width = VT / 4;
  let first_column = workgroup.x * VT;
  let columns = min(VT, DV - first_column);

  var squares = vec4f();
  for (var d = lane; d < DK; d += WG) {
    let query = conv1d(key_head * DK + d, channels, owns_key);
    let key = conv1d(all_keys + key_head * DK + d, channels, owns_key);
    queries[d] = query;
    keys[d] = key;
    squares += vec4f(query * query, key * key, query * key, 0.0);
  }
  for (var column = lane; column < columns; column += WG) {
    inputs[column] = conv1d(2 * all_keys + head * DV + first_column + column, channels, true);
  }
  let sums = workgroup_sum(Sums(squares, 0.0), invocation).four;
  let query_norm = inverseSqrt(sums.x + 1e-6) * inverseSqrt(f32(DK));
  let key_norm = inverseSqrt(sums.y + 1e-6);
  let gates_at = params.heads * DV + channels + head;
  let beta = params.beta_scale * sigmoid(u[gates_at]);
  let kept = exp(heads[params.heads + head] * softplus(u[gates_at + params.heads] + heads[head]));

  // What the old state has under the key and under the query.
  let own = lane % width;
  let row = lane / width;
  let rows = WG / width;
  let is_there = 4 * own < columns;
  let state_at = head * DK * (DV / 4) + first_column / 4 + own;
  var under_key = vec4f();
  var under_query = vec4f();
  if (is_there) {
    for (var d = row; d < DK; d += rows) {
      let state = ssm_state[state_at + d * (DV / 4)];
      under_key = fma(vec4f(keys[d]), state, under_key);
      under_query = fma(vec4f(queries[d]), state, under_query);
    }
  }
  found[lane] = under_key;
  asked[lane] = under_query;
  workgroupBarrier();
  for (var half = rows / 2; half > 0; half /= 2) {
    if (row < half) {
      found[lane] += found[lane + half * width];
      asked[lane] += asked[lane + half * width];
    }
    workgroupBarrier();
  }
  if (!is_there) {
    return;
  }
  let input = vec4f(inputs[4 * own], inputs[4 * own + 1], inputs[4 * own + 2], inputs[4 * own + 3]);
  let correction = beta * (input - kept * key_norm * found[own]);
  for (var d = row; d < DK; d += rows) {
    let at = state_at + d * (DV / 4);
    ssm_state[at] = fma(vec4f(key_norm * keys[d]), correction, kept * ssm_state[at]);
  }
  if (row == 0) {
    // The corrected state under the query: the old one there, and what the key has in common with the query.
    y[(head * DV + first_column) / 4 + own] =
      query_norm * (kept * asked[own] + key_norm * sums.z * correction);
  }
}
