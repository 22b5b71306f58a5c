// Attention of ROWS query rows over a range of keys, with online softmax, shared by prefill and decode.
// The kernel overrides WG, ROWS, HEAD_DIM4 and defines query4(row, d4), already scaled, key4(j, d4), value4(j, d4).
// LANES = WG / ROWS invocations serve a row; each holds every LANES-th vec4f of the row's output.

const KEYS: u32 = 32;              // keys of a tile
const MASKED: f32 = -3.0e38;       // a score below all others; WGSL promises nothing about infinities
const MAX_PARTS: u32 = 8;          // head_dim / 4 / LANES, at most

var<workgroup> query_tile: array<vec4f, ROWS * HEAD_DIM4>;
var<workgroup> scores: array<f32, ROWS * KEYS>;

struct Attention {
  output: array<vec4f, MAX_PARTS>,  // sum_j exp(s_j - highest) v_j
  highest: f32,
  total: f32,                       // sum_j exp(s_j - highest)
}

// Keys begin .. end - 1, the same for the workgroup; this lane's row sees those below row_end.
fn attend(lane: u32, begin: u32, end: u32, row_end: u32) -> Attention {
  let lanes = WG / ROWS;
  let row = lane / lanes;
  let part = lane % lanes;
  for (var index = lane; index < ROWS * HEAD_DIM4; index += WG) {
    query_tile[index] = query4(index / HEAD_DIM4, index % HEAD_DIM4);
  }
  workgroupBarrier();

  var state = Attention(array<vec4f, MAX_PARTS>(), MASKED, 0.0);
  for (var tile = begin; tile < end; tile += KEYS) {
    for (var key = part; key < KEYS; key += lanes) {
      var score = MASKED;
      if (tile + key < min(end, row_end)) {
        score = 0.0;
        for (var d4 = 0u; d4 < HEAD_DIM4; d4++) {
          score += dot(query_tile[row * HEAD_DIM4 + d4], key4(tile + key, d4));
        }
      }
      scores[row * KEYS + key] = score;
    }
    workgroupBarrier();

    var highest = state.highest;
    for (var key = 0u; key < KEYS; key++) {
      highest = max(highest, scores[row * KEYS + key]);
    }
    workgroupBarrier();
    for (var key = part; key < KEYS; key += lanes) {
      let score = scores[row * KEYS + key];
      scores[row * KEYS + key] = select(exp(score - highest), 0.0, score <= MASKED);
    }
    workgroupBarrier();

    let correction = exp(state.highest - highest);
    state.highest = highest;
    state.total *= correction;
    for (var index = 0u; index < MAX_PARTS; index++) {
      state.output[index] *= correction;
    }
    for (var key = 0u; key < min(KEYS, end - tile); key++) {
      let weight = scores[row * KEYS + key];
      state.total += weight;
      for (var index = 0u; index * lanes + part < HEAD_DIM4; index++) {
        state.output[index] += weight * value4(tile + key, index * lanes + part);
      }
    }
    workgroupBarrier();
  }
  return state;
}
