// uses: lib/step.wgsl, lib/log_decay.wgsl
// delta_chunk_scan: from chunk to chunk, with S the state that enters a chunk, of every value head
//   value_t = fresh_t - S^T w_t;   y_t = exp(l_t) S^T q_t + sum_{s<=t} scores[t, s] value_s
//   S = exp(l_last) S + sum_s exp(l_last - l_s) k_s value_s^T
//
// Shapes    v: (T, CD) f32 of q: (HK, DK) | k: (HK, DK) | v: (H, DV), q and k normed;  decays: (chunks, H, Q) as
//           delta_chunk_cumsum leaves them;  w: (T, H, DK), fresh: (T, H, DV) and scores: (chunks, H, Q, Q) as
//           delta_chunk_solve does;  ssm_state: (H, DK, DV);  y: (T, H, DV).
// Mapping   one workgroup VT columns of a head's state, which it keeps in workgroup memory: x the tile, y the head. An
//           invocation has one token and four columns; for the state, tiles of four by four.
// Constants Q    tokens of a chunk, a multiple of 4.    DK  key width, a multiple of 4.
//           DV   value width, a multiple of 4.    VT  columns of a workgroup, a multiple of 4.
// Hazards   exp(l_last - l_s) is never factored (it is in `decays`). Tokens past the end have a value of zero.
// Source    Yang et al. 2024, section 3.3; reference: gatedDelta in src/reference/gated_delta.ts.

override Q: u32 = 32;
override DK: u32 = 128;
override DV: u32 = 128;
override VT: u32 = 16;

struct Params {
  key_heads: u32,  // HK
  heads: u32,      // H: value heads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;                  // (T, CD)
@group(0) @binding(2) var<storage, read> decays: array<vec4f>;             // (chunks, H, Q)
@group(0) @binding(3) var<storage, read> w: array<vec4f>;                  // (T, H, DK)
@group(0) @binding(4) var<storage, read> fresh: array<vec4f>;              // (T, H, DV)
@group(0) @binding(5) var<storage, read> scores: array<vec4f>;             // (chunks, H, Q, Q)
@group(0) @binding(6) var<storage, read_write> ssm_state: array<vec4f>;    // (H, DK, DV)
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;            // (T, H, DV)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> state: array<vec4f, DK * VT / 4>;    // (DK, VT)
var<workgroup> values: array<vec4f, Q * VT / 4>;    // (Q, VT)

@compute @workgroup_size(Q * VT / 4)
fn delta_chunk_scan(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let lanes = Q * VT / 4;
  let width = VT / 4;
  let head = workgroup.y;
  let stride4 = (2 * params.key_heads * DK + params.heads * DV) / 4;
  let q4 = head / (params.heads / params.key_heads) * (DK / 4);
  let k4 = q4 + params.key_heads * (DK / 4);
  let first_column = workgroup.x * width;
  let columns = min(width, DV / 4 - first_column);  // that are there
  // Columns behind the last are those of the last once more, and nobody writes them.
  let own = lane % width;
  let column = first_column + min(own, columns - 1);
  let in_chunk = lane / width;
  for (var index = lane; index < DK * width; index += lanes) {
    let origin = first_column + min(index % width, columns - 1);
    state[index] = ssm_state[(head * DK + index / width) * (DV / 4) + origin];
  }
  workgroupBarrier();

  for (var first = 0u; first < step.tokens; first += Q) {
    let of_chunk = (first / Q * params.heads + head) * Q;
    let t = first + in_chunk;
    let is_there = t < step.tokens;
    let row = min(t, step.tokens - 1);
    var found = vec4f();
    var read = vec4f();
    let w_at = (row * params.heads + head) * (DK / 4);
    let q_at = row * stride4 + q4;
    for (var d = 0u; d < DK / 4; d++) {
      let key = w[w_at + d];
      let query = v[q_at + d];
      for (var part = 0u; part < 4; part++) {
        let kept = state[(4 * d + part) * width + own];
        found = fma(vec4f(key[part]), kept, found);
        read = fma(vec4f(query[part]), kept, read);
      }
    }
    let value = fresh[(row * params.heads + head) * (DV / 4) + column] - found;
    values[lane] = select(vec4f(), value, is_there);
    workgroupBarrier();

    if (is_there && own < columns) {
      var sum = decay(decays[of_chunk + in_chunk].yz) * read;
      let scores_at = (of_chunk + in_chunk) * (Q / 4);
      for (var s = 0u; s <= in_chunk; s += 4) {
        let four = scores[scores_at + s / 4];
        for (var part = 0u; part < 4; part++) {
          if (s + part <= in_chunk) {
            sum = fma(vec4f(four[part]), values[(s + part) * width + own], sum);
          }
        }
      }
      y[(t * params.heads + head) * (DV / 4) + column] = sum;
    }

    // Nobody reads the old state any more: the barrier above is behind all its reads.
    let whole = decay(decays[of_chunk + Q - 1].yz);
    for (var index = lane; index < DK / 4 * width; index += lanes) {
      let d = index / width;
      let at = index % width;
      var rows = mat4x4f();
      for (var s = 0u; s < Q; s++) {
        let key = v[min(first + s, step.tokens - 1) * stride4 + k4 + d];
        let kept = decays[of_chunk + s].w * values[s * width + at];
        rows[0] = fma(vec4f(key.x), kept, rows[0]);
        rows[1] = fma(vec4f(key.y), kept, rows[1]);
        rows[2] = fma(vec4f(key.z), kept, rows[2]);
        rows[3] = fma(vec4f(key.w), kept, rows[3]);
      }
      for (var part = 0u; part < 4; part++) {
        let to = (4 * d + part) * width + at;
        state[to] = fma(vec4f(whole), state[to], rows[part]);
      }
    }
    workgroupBarrier();
  }
  for (var index = lane; index < DK * width; index += lanes) {
    if (index % width < columns) {
      ssm_state[(head * DK + index / width) * (DV / 4) + first_column + index % width] = state[index];
    }
  }
}
