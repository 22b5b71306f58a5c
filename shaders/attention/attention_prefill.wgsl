// uses: lib/step.wgsl, lib/rows.wgsl, lib/cache.wgsl, lib/attended.wgsl, lib/scores.wgsl, lib/window.wgsl, lib/seen.wgsl, lib/cap.wgsl
// attention_prefill: y[t, h] = softmax_j(scale * q[t, h] . k[j, h / (heads/J)]) v[j, ...],  j <= position + t;
//   with a WINDOW, j > position + t - WINDOW; with a CAP, scores s become CAP * tanh(s / CAP)
//
// Shapes    qkv: (T, heads + 2*J, head_dim) f32, q already rotated;  k_cache, v_cache: (segment_tokens, J) rows of
//           head_dim, of any type, a segment of the cache, up to and with position + T - 1;  y: (T, heads, head_dim);
//           sums: (T, heads) vec2f of m, the largest score, and sum_j exp(s_j - m). A segment behind the first goes on
//           from the y and sums of those before it.
// Mapping   one workgroup 32 rows of one KV head: x the tile, y the KV head. A row is a pair (t, query head of the KV head),
//           the head fastest. So keys and values are read once for all heads that share them. Both products are made in
//           tiles, of the scores in steps of 32 columns. An invocation has four rows, every eighth, by four keys; of the
//           output, by every 16th vec4f. The inputs of a step are asked for during the one before.
// Constants HEAD_DIM4   head_dim / 4, at most 64.
//           VALUE_KEYS  keys of a tile of values, 8, 16 or 32; at most 512 / HEAD_DIM4.
//           WINDOW      latest keys that a row sees, 0 for all.
//           RING        rows of a ring of the latest tokens, 0 where the cache holds all.
//           CAP         of the scores, 0 for none.
//           UNROLLED    whether the products of a step of the scores are written out: faster on a GPU, slow to compile for a
//                       processor.
// Source    Dao 2023, FlashAttention-2; reference: attention.ts, kv_cache.ts in src/reference.
// Tried     On an H100, a layer of Bamba-9B, 256 tokens after 768: 165 us. With a loop over a step's columns of the scores
//           179, as without UNROLLED; without one among values too 160, but slower to compile; 64 rows a workgroup, eight by
//           four, 218 to 254. Before tiles of registers, four by four, after 1,024 tokens 2.99 ms, with them 0.39; before
//           asking ahead, after 768 tokens 264 us, after 3,840 1.32 ms, and 0.65 ms since. Keys split among four workgroups,
//           whose results another kernel merges, gain nothing; Lexicon after 768 tokens would take 29 us instead of 60.

override HEAD_DIM4: u32 = 32;
override VALUE_KEYS: u32 = 16;
override WINDOW: u32 = 0;
override RING: u32 = 0;
override CAP: f32 = 0.0;
override UNROLLED: bool = false;

const ROWS: u32 = 32;
const KEYS: u32 = 64;        // of a tile of scores
const KEY_QUADS: u32 = 16;
const DEPTH4: u32 = 8;       // vec4f's of a head that a step of the scores takes
const MASKED: f32 = -3.0e38; // a score below all others; WGSL promises nothing about infinities

struct Params {
  heads: u32,
  kv_heads: u32,        // J
  scale: f32,
  segment_first: u32,   // position of the segment's first token
  segment_tokens: u32,  // that it has room for
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;          // (T, heads + 2*J, head_dim)
@group(0) @binding(2) var<storage, read> k_cache: array<Cached>;     // (segment_tokens, J, head_dim)
@group(0) @binding(3) var<storage, read> v_cache: array<Cached>;     // (segment_tokens, J, head_dim)
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;      // (T, heads, head_dim)
@group(0) @binding(5) var<storage, read_write> sums: array<vec2f>;   // (T, heads)
@group(1) @binding(0) var<uniform> step: Step;

// In turn: columns of a step of the queries, (ROWS, 32); weights (ROWS, VALUE_KEYS). The vec4f's of a row change places (^),
// so that invocations side by side hit different banks.
var<workgroup> left: array<array<vec4f, DEPTH4>, ROWS>;
// In turn: columns of a step of the keys, (KEYS, 32), with every fourth key side by side; the invocations' largest scores
// and sums of rows, (16, 8) of four rows each; values (VALUE_KEYS, HEAD_DIM4).
var<workgroup> right: array<vec4f, KEYS * DEPTH4>;

// A vec4f of the values of four keys.
fn values_at(at: u32) -> mat4x4f {
  return mat4x4f(right[at], right[at + HEAD_DIM4], right[at + 2 * HEAD_DIM4], right[at + 3 * HEAD_DIM4]);
}

// With four keys of a tile of values. Elements behind the head's last vec4f are not written.
fn with_values(output: Output, t: u32, k: u32, column: u32) -> Output {
  let at = 4 * k * HEAD_DIM4 + column;
  let weights = left_rows(t, k ^ t);
  var sums = output;
  sums.first = with_rows(sums.first, weights, values_at(at));
  if (HEAD_DIM4 > 16) {
    sums.second = with_rows(sums.second, weights, values_at(at + 16));
  }
  if (HEAD_DIM4 > 32) {
    sums.third = with_rows(sums.third, weights, values_at(at + 32));
  }
  if (HEAD_DIM4 > 48) {
    sums.fourth = with_rows(sums.fourth, weights, values_at(at + 48));
  }
  return sums;
}

// Zeros past the end of a head.
fn load_query(row: u32, d4: u32) -> vec4f {
  return select(vec4f(), params.scale * qkv[row * HEAD_DIM4 + min(d4, HEAD_DIM4 - 1)], d4 < HEAD_DIM4);
}

// Keys first, first + 16, ..
fn load_keys(kv_head: u32, first: u32, end: u32, d4: u32) -> mat4x4f {
  let row = cache_rows(min(first + vec4u(0, 16, 32, 48), vec4u(end - 1))) * params.kv_heads + kv_head;
  let d = min(d4, HEAD_DIM4 - 1);
  return mat4x4f(key4(row.x, d), key4(row.y, d), key4(row.z, d), key4(row.w, d));
}

// vec4f's lane, lane + 128, .. of a tile of values.
fn load_values(kv_head: u32, first: u32, end: u32, lane: u32) -> mat4x4f {
  let index = lane + vec4u(0, 128, 256, 384);
  let row = cache_rows(min(first + index / HEAD_DIM4, vec4u(end - 1))) * params.kv_heads + kv_head;
  let d = index % HEAD_DIM4;
  return mat4x4f(value4(row.x, d.x), value4(row.y, d.y), value4(row.z, d.z), value4(row.w, d.w));
}

@compute @workgroup_size(128)
fn attention_prefill(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sharing = params.heads / params.kv_heads;
  let kv_head = workgroup.y;
  let rows = Rows(kv_head, sharing, step.tokens * sharing);
  let first = workgroup.x * ROWS;
  // The loads of this invocation in a step: a vec4f of the queries of rows own and own + 16, and of four keys. Rows past the
  // end repeat the last one.
  let part = lane % DEPTH4;
  let own = lane / DEPTH4;
  let loaded = min(first + own + vec2u(0, 16), vec2u(rows.count - 1));
  let query_row = loaded / sharing * (params.heads + 2 * params.kv_heads) + kv_head * sharing + loaded % sharing;
  let left_at = part ^ (own % DEPTH4);
  let slots = own % 4 * KEY_QUADS + own / 4 + vec4u(0, 4, 8, 12);
  let key_slots = slots * DEPTH4 + (vec4u(part) ^ (slots % KEY_QUADS % DEPTH4));

  // Its results: rows t, t + 8, .. by keys 4*column .. 4*column + 3. Two side by side share their keys.
  let column = lane / 2 % KEY_QUADS;
  let t = lane % 2 + lane / 2 / KEY_QUADS * 2;
  // The first key of the segment that a row does not see: of this invocation's rows, and of the workgroup's last.
  let seen = seen_keys(first + t + vec4u(0, 8, 16, 24), rows);
  let end = seen_keys(vec4u(first + ROWS - 1), rows).x;
  if (end == 0) {
    return;
  }
  // And the first that it sees: of the workgroup's first row. Rows that see none of a tile make what the next one undoes.
  let begin = seen_from(seen_keys(vec4u(first), rows)).x;

  var highest = vec4f(MASKED);  // of the rows' scores so far
  var total = vec4f();          // this invocation's share of sum_j exp(s_j - highest)
  var output = Output();
  if (params.segment_first > 0) {
    let before = read_sums(rows, first + t);
    highest = before[0];
    total = select(vec4f(), before[1], column == 0);
    output = read_output(rows, first + t, column, before[1]);
  }
  var query0 = load_query(query_row.x, part);
  var query1 = load_query(query_row.y, part);
  var next = load_keys(kv_head, begin + own, end, part);
  for (var tile = begin; tile < end; tile += KEYS) {
    var scores = mat4x4f();  // columns: rows
    for (var first_d4 = 0u; first_d4 < HEAD_DIM4; first_d4 += DEPTH4) {
      left[own][left_at] = query0;
      left[own + 16][left_at] = query1;
      right[key_slots.x] = next[0];
      right[key_slots.y] = next[1];
      right[key_slots.z] = next[2];
      right[key_slots.w] = next[3];
      workgroupBarrier();
      let last = first_d4 + DEPTH4 >= HEAD_DIM4;
      let next_d4 = select(first_d4 + DEPTH4, 0, last) + part;
      query0 = load_query(query_row.x, next_d4);
      query1 = load_query(query_row.y, next_d4);
      if (last) {
        next = load_values(kv_head, tile, end, lane);
      } else {
        next = load_keys(kv_head, tile + own, end, next_d4);
      }
      scores = with_step(scores, t, column);
      workgroupBarrier();
    }
    if (CAP > 0.0) {
      scores = mat4x4f(capped4(scores[0]), capped4(scores[1]), capped4(scores[2]), capped4(scores[3]));
    }
    let keys = tile + 4 * column + vec4u(0, 1, 2, 3);
    scores = masked_rows(scores, keys, seen, MASKED);
    if (WINDOW > 0) {
      scores = rows_from(scores, keys, seen_from(seen), MASKED);
    }
    right[column * 8 + t] = largest_of_rows(scores);
    workgroupBarrier();
    var new_highest = highest;
    for (var other = 0u; other < KEY_QUADS; other++) {
      new_highest = max(new_highest, right[other * 8 + t]);
    }
    workgroupBarrier();
    let correction = exp(highest - new_highest);
    highest = new_highest;
    // Every row sees the first segment's key 0, so that `highest` is a score, and what is masked gets the weight 0.
    let weights = exp_rows(scores, highest);
    total = total * correction + vec4f(1.0) * weights;
    output = scaled_output(output, correction);

    for (var from_key = 0u; from_key < KEYS && tile + from_key < end; from_key += VALUE_KEYS) {
      let quad = column - from_key / 4;  // wraps around for keys before the first
      if (quad < VALUE_KEYS / 4) {
        left[t][quad ^ t] = weights[0];
        left[t + 8][quad ^ t] = weights[1];
        left[t + 16][quad ^ t] = weights[2];
        left[t + 24][quad ^ t] = weights[3];
      }
      right[lane] = next[0];
      right[lane + 128] = next[1];
      right[lane + 256] = next[2];
      right[lane + 384] = next[3];
      workgroupBarrier();
      if (from_key + VALUE_KEYS < KEYS && tile + from_key + VALUE_KEYS < end) {
        next = load_values(kv_head, tile + from_key + VALUE_KEYS, end, lane);
      } else {
        next = load_keys(kv_head, tile + KEYS + own, end, part);
      }
      for (var k = 0u; k < VALUE_KEYS / 4; k++) {
        output = with_values(output, t, k, column);
      }
      workgroupBarrier();
    }
  }

  right[column * 8 + t] = total;
  workgroupBarrier();
  var sum = vec4f();
  for (var other = 0u; other < KEY_QUADS; other++) {
    sum += right[other * 8 + t];
  }
  write_output(rows, first + t, column, scaled_output(output, 1.0 / sum));
  if (column == 0) {
    write_sums(rows, first + t, highest, sum);
  }
}
