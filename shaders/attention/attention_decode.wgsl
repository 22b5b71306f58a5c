// uses: lib/step.wgsl, lib/splits.wgsl, lib/sharers.wgsl, lib/rope.wgsl, lib/cache.wgsl, lib/append.wgsl, lib/fresh.wgsl, lib/window.wgsl, lib/seen.wgsl, lib/cap.wgsl
// attention_decode: RoPE of the new q and k, append k and v to the cache, attention of the new token over one split
// of the keys of a segment of the cache.
//
// Shapes    qkv: (heads + 2*J, head_dim) f32;  rope: (positions, dims/2) vec2f of cos and sin;  k_cache, v_cache:
//           (segment_tokens, J) rows of head_dim, of any type;  partial: (SPLITS, heads, head_dim/4 + 1) vec4f, as
//           attention_merge_matvec_add_to_norm takes it; splits without keys are not written. A segment behind the first
//           adds to what those before it left there.
// Mapping   one workgroup a split and four query heads of one KV head: x the split, y the KV head, and within it the tile of
//           its heads/J query heads. Keys are taken WG at a time. For the scores, SHARERS invocations share a key, and take
//           as many in turn. For the output, every HEAD_DIM4 of them take other keys. Both read a key's or value's vec4f
//           once for all four heads, which are the components of vectors here. The first workgroup of a KV head appends. The
//           split of the new token takes it from qkv, as the cache will hold it.
// Constants WG         invocations a workgroup, a multiple of 4 and at least HEAD_DIM4.
//           HEAD_DIM4  head_dim / 4.               SPLITS  parts that the keys may be cut into.
//           WINDOW     latest keys that are seen, 0 for all.  RING  rows of a ring of the latest tokens, 0 for all.
//           CAP        scores s become CAP * tanh(s / CAP), 0 for none.
// Source    Dao et al. 2023, Flash-Decoding; Su et al. 2021, RoPE; reference: rope.ts, kv_cache.ts, attention.ts in
//           src/reference.
// Tried     On an H100, a layer of Bamba-9B at 1,024 and 16,384 tokens: 21 and 115 us. Keys not shared 31 and 181;
//           twice as many splits slower. On an H200, a split of 256, 128 or 64 keys, with merging: 37.8, 35.9, 41.1 us.

override WG: u32 = 256;
override HEAD_DIM4: u32 = 32;
override SPLITS: u32 = 16;
override WINDOW: u32 = 0;
override RING: u32 = 0;
override CAP: f32 = 0.0;

const MASKED: f32 = -3.0e38;   // a score below all others; WGSL promises nothing about infinities

struct Params {
  heads: u32,
  kv_heads: u32,        // J
  rope_dims: u32,       // rotated dimensions of a head, 0 for none
  scale: f32,
  segment_first: u32,   // position of the segment's first token
  segment_tokens: u32,  // that it has room for
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;                 // (heads + 2*J, head_dim)
@group(0) @binding(2) var<storage, read> rope: array<vec2f>;              // (positions, dims/2)
@group(0) @binding(3) var<storage, read_write> k_cache: array<Cached>;    // (segment_tokens, J, head_dim)
@group(0) @binding(4) var<storage, read_write> v_cache: array<Cached>;    // (segment_tokens, J, head_dim)
@group(0) @binding(5) var<storage, read_write> partial: array<vec4f>;     // (SPLITS, heads, head_dim/4 + 1)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> queries: array<vec4f, 4 * HEAD_DIM4>;  // of four heads, rotated and scaled
var<workgroup> fresh: array<vec4f, 2 * HEAD_DIM4>;    // key and value of the new token
var<workgroup> scores: array<vec4f, WG>;              // of four heads
var<workgroup> shares: array<vec4f, WG>;              // of outputs

// Scores of four heads with part `d4` of a key.
fn scores4(d4: u32, key: vec4f) -> vec4f {
  return vec4f(
    dot(queries[d4], key),
    dot(queries[HEAD_DIM4 + d4], key),
    dot(queries[2 * HEAD_DIM4 + d4], key),
    dot(queries[3 * HEAD_DIM4 + d4], key),
  );
}

// Adds up one row of the outputs of all groups of invocations and writes it, `before` times what is there added; all
// invocations must call.
fn write_output(lane: u32, at: u32, value: vec4f, before: f32, is_head: bool) {
  shares[lane] = value;
  workgroupBarrier();
  if (lane < HEAD_DIM4 && is_head) {
    var sum = vec4f();
    for (var other = lane; other < WG / HEAD_DIM4 * HEAD_DIM4; other += HEAD_DIM4) {
      sum += shares[other];
    }
    if (params.segment_first > 0) {
      sum += before * partial[at + lane];
    }
    partial[at + lane] = sum;
  }
  workgroupBarrier();
}

@compute @workgroup_size(WG)
fn attention_decode(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group_size = params.heads / params.kv_heads;
  let tiles = (group_size + 3) / 4;
  let kv_head = workgroup.y / tiles;
  let first_row = workgroup.y % tiles * 4;
  if (step.position < params.segment_first) {
    return;
  }
  // Tokens are counted from the segment's first on, or from the first that is seen: the new one, and those with it.
  let skipped = seen_from(vec4u(step.position + 1)).x;
  let new_token = step.position - params.segment_first - skipped;
  let length = min(new_token + 1, params.segment_tokens);
  let begin = workgroup.x * split_span(length);
  if (begin >= length) {
    return;
  }
  let end = min(length, begin + split_span(length));
  let held = min(end, new_token);  // keys of the split that are in the cache

  for (var index = lane; index < 4 * HEAD_DIM4; index += WG) {
    let head = kv_head * group_size + min(first_row + index / HEAD_DIM4, group_size - 1);
    queries[index] = params.scale * rotated4(head * HEAD_DIM4 * 4, index % HEAD_DIM4, step.position);
  }
  for (var index = lane; index < 2 * HEAD_DIM4; index += WG) {
    let which = index / HEAD_DIM4;
    let at = (params.heads + which * params.kv_heads + kv_head) * HEAD_DIM4 * 4;
    fresh[index] = head4(at, index % HEAD_DIM4, step.position, which == 0);
  }
  workgroupBarrier();
  if (workgroup.x == 0 && first_row == 0 && new_token < params.segment_tokens) {
    for (var index = lane; index < 2 * HEAD_DIM4; index += WG) {
      append(cache_row(skipped + new_token) * params.kv_heads + kv_head, index / HEAD_DIM4, index % HEAD_DIM4);
    }
  }

  let group = lane / HEAD_DIM4;
  let groups = WG / HEAD_DIM4;
  let part = lane % HEAD_DIM4;
  var highest = vec4f(MASKED);
  var total = vec4f();
  var output = mat4x4f();  // column r: head first_row + r
  for (var tile = begin; tile < held; tile += WG) {
    for (var turn = 0u; turn < SHARERS; turn++) {
      let key = turn * (WG / SHARERS) + lane / SHARERS;
      var share = vec4f();
      if (tile + key < held) {
        let row = cache_row(skipped + tile + key) * params.kv_heads + kv_head;
        // Four parts are asked for at a time.
        for (var d4 = lane % SHARERS; d4 < HEAD_DIM4; d4 += 4 * SHARERS) {
          let part4 = vec4u(d4, d4 + SHARERS, d4 + 2 * SHARERS, d4 + 3 * SHARERS);
          let d = min(part4, vec4u(HEAD_DIM4 - 1));
          let keys = mat4x4f(key4(row, d.x), key4(row, d.y), key4(row, d.z), key4(row, d.w));
          for (var next = 0u; next < 4; next++) {
            if (part4[next] < HEAD_DIM4) {
              share += scores4(part4[next], keys[next]);
            }
          }
        }
      }
      let score = capped4(shared_sum(share));
      if (lane % SHARERS == 0) {
        scores[key] = score;
      }
    }
    workgroupBarrier();

    // Each group has its own keys of the tile, and so its own largest score.
    if (group < groups) {
      let keys = min(WG, held - tile);
      var group_highest = highest;
      for (var key = group; key < keys; key += groups) {
        group_highest = max(group_highest, scores[key]);
      }
      let correction = exp(highest - group_highest);
      highest = group_highest;
      total *= correction;
      output = mat4x4f(
        output[0] * correction.x,
        output[1] * correction.y,
        output[2] * correction.z,
        output[3] * correction.w,
      );
      // Four values are asked for at a time.
      for (var key = group; key < keys; key += 4 * groups) {
        let four = vec4u(key, key + groups, key + 2 * groups, key + 3 * groups);
        let token = skipped + tile + min(four, vec4u(keys - 1));
        let row = cache_rows(token) * params.kv_heads + kv_head;
        let value = mat4x4f(value4(row.x, part), value4(row.y, part), value4(row.z, part), value4(row.w, part));
        for (var next = 0u; next < 4; next++) {
          if (four[next] < keys) {
            let weight = exp(scores[four[next]] - highest);
            total += weight;
            let v = value[next];
            output += mat4x4f(weight.x * v, weight.y * v, weight.z * v, weight.w * v);
          }
        }
      }
    }
    workgroupBarrier();
  }

  // The new token, by the first group of the split that it falls in.
  if (new_token < end) {
    shares[lane] = vec4f();
    if (lane < HEAD_DIM4) {
      shares[lane] = scores4(lane, kept4(0, lane));
    }
    workgroupBarrier();
    var score = vec4f();
    for (var d4 = 0u; d4 < HEAD_DIM4; d4++) {
      score += shares[d4];
    }
    score = capped4(score);
    if (group == 0) {
      let new_highest = max(highest, score);
      let correction = exp(highest - new_highest);
      let weight = exp(score - new_highest);
      let value = kept4(1, part);
      highest = new_highest;
      total = total * correction + weight;
      output = mat4x4f(
        output[0] * correction.x + weight.x * value,
        output[1] * correction.y + weight.y * value,
        output[2] * correction.z + weight.z * value,
        output[3] * correction.w + weight.w * value,
      );
    }
    workgroupBarrier();
  }

  // The groups' results become one: their first invocations speak for them.
  shares[lane] = highest;
  workgroupBarrier();
  var split_highest = vec4f(MASKED);
  for (var other = 0u; other < groups; other++) {
    split_highest = max(split_highest, shares[other * HEAD_DIM4]);
  }
  workgroupBarrier();
  let scale = exp(highest - split_highest);
  output = mat4x4f(output[0] * scale.x, output[1] * scale.y, output[2] * scale.z, output[3] * scale.w);
  shares[lane] = total * scale;
  workgroupBarrier();
  var sum = vec4f();
  for (var other = 0u; other < groups; other++) {
    sum += shares[other * HEAD_DIM4];
  }
  workgroupBarrier();
  let first_head = kv_head * group_size + first_row;
  for (var r = 0u; r < 4; r++) {
    let at = (workgroup.x * params.heads + first_head + r) * (HEAD_DIM4 + 1);
    let is_head = first_row + r < group_size;
    var found = vec2f(split_highest[r], sum[r]);
    var factors = vec2f(1.0, 0.0);
    if (params.segment_first > 0 && is_head) {
      let before = partial[at + HEAD_DIM4].xy;
      factors = exp(vec2f(found.x, before.x) - max(found.x, before.x));
      found = vec2f(max(found.x, before.x), dot(factors, vec2f(found.y, before.y)));
    }
    write_output(lane, at, factors.x * output[r], factors.y, is_head);
    if (lane == 0 && is_head) {
      partial[at + HEAD_DIM4] = vec4f(found, 0.0, 0.0);
    }
  }
}
