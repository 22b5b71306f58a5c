// uses: lib/step.wgsl, lib/splits.wgsl, lib/sharers.wgsl
// attention_decode: RoPE of the new q and k, append k and v to the cache, attention of the new token over one split
// of the keys.
//
// Shapes    qkv: (heads + 2*J, head_dim) f32;  rope: (positions, dims/2) vec2f of cos and sin;
//           k_cache, v_cache: (capacity, J, head_dim);  partial: (SPLITS, heads, head_dim/4 + 1) vec4f, as
//           attention_merge_matvec_add_to_norm takes it; splits without keys are not written.
// Mapping   one workgroup a split and four query heads of one KV head: x the split, y the KV head, and within it the
//           tile of its heads/J query heads. Keys are taken WG at a time: for the scores SHARERS invocations share a
//           key, and take as many in turn; for the output every HEAD_DIM4 of them take other keys. Both read a key's or
//           value's vec4f once for all four heads, which are the components of vectors here. The first workgroup of a KV head appends; the new
//           token itself is taken from qkv by the split that it falls in, never from the cache.
// Constants WG         invocations a workgroup, a multiple of 4 and at least HEAD_DIM4.
//           HEAD_DIM4  head_dim / 4.               SPLITS  parts that the keys may be cut into.
// Source    Dao et al. 2023, Flash-Decoding; Su et al. 2021, RoPE; reference: rope.ts, attention.ts in src/reference.
// Tried     On an H100, a layer of Bamba-9B at 1,024 and 16,384 tokens: 21 and 115 us. Keys not shared 31 and 181;
//           twice as many splits slower, and no faster.

override WG: u32 = 256;
override HEAD_DIM4: u32 = 32;
override SPLITS: u32 = 16;

const MASKED: f32 = -3.0e38;   // a score below all others; WGSL promises nothing about infinities

struct Params {
  heads: u32,
  kv_heads: u32,   // J
  rope_dims: u32,  // rotated dimensions of a head, 0 for none
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;                // (heads + 2*J, head_dim)
@group(0) @binding(2) var<storage, read> rope: array<vec2f>;             // (positions, dims/2)
@group(0) @binding(3) var<storage, read_write> k_cache: array<vec4f>;    // (capacity, J, head_dim)
@group(0) @binding(4) var<storage, read_write> v_cache: array<vec4f>;    // (capacity, J, head_dim)
@group(0) @binding(5) var<storage, read_write> partial: array<vec4f>;    // (SPLITS, heads, head_dim/4 + 1)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> queries: array<vec4f, 4 * HEAD_DIM4>;  // of four heads, rotated and scaled
var<workgroup> new_key: array<vec4f, HEAD_DIM4>;
var<workgroup> scores: array<vec4f, WG>;              // of four heads
var<workgroup> shares: array<vec4f, WG>;              // of outputs

// Element i of a head of qkv, rotated.
fn rotated(head: u32, i: u32) -> f32 {
  let value = qkv[head * HEAD_DIM4 * 4 + i];
  if (i >= params.rope_dims) {
    return value;
  }
  let half = params.rope_dims / 2;
  let low = i < half;
  let turn = rope[step.position * half + select(i - half, i, low)];
  let other = qkv[head * HEAD_DIM4 * 4 + select(i - half, i + half, low)];
  return value * turn.x + select(other, -other, low) * turn.y;
}

fn rotated4(head: u32, d4: u32) -> vec4f {
  return vec4f(
    rotated(head, d4 * 4),
    rotated(head, d4 * 4 + 1),
    rotated(head, d4 * 4 + 2),
    rotated(head, d4 * 4 + 3),
  );
}

fn new_value4(kv_head: u32, d4: u32) -> vec4f {
  let at = (params.heads + params.kv_heads + kv_head) * HEAD_DIM4 * 4 + d4 * 4;
  return vec4f(qkv[at], qkv[at + 1], qkv[at + 2], qkv[at + 3]);
}

// Scores of four heads with part `d4` of a key.
fn scores4(d4: u32, key: vec4f) -> vec4f {
  return vec4f(
    dot(queries[d4], key),
    dot(queries[HEAD_DIM4 + d4], key),
    dot(queries[2 * HEAD_DIM4 + d4], key),
    dot(queries[3 * HEAD_DIM4 + d4], key),
  );
}

// Adds up one row of the outputs of all groups of invocations and writes it; all invocations must call.
fn write_output(lane: u32, at: u32, value: vec4f, is_head: bool) {
  shares[lane] = value;
  workgroupBarrier();
  if (lane < HEAD_DIM4 && is_head) {
    var sum = vec4f();
    for (var other = lane; other < WG / HEAD_DIM4 * HEAD_DIM4; other += HEAD_DIM4) {
      sum += shares[other];
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
  let length = step.position + 1;
  let begin = workgroup.x * split_span(length);
  if (begin >= length) {
    return;
  }
  let end = min(length, begin + split_span(length));
  let cached = min(end, step.position);  // keys of the split that are in the cache

  for (var index = lane; index < 4 * HEAD_DIM4; index += WG) {
    let head = kv_head * group_size + min(first_row + index / HEAD_DIM4, group_size - 1);
    queries[index] = params.scale * rotated4(head, index % HEAD_DIM4);
  }
  let new_at = (step.position * params.kv_heads + kv_head) * HEAD_DIM4;
  for (var d4 = lane; d4 < HEAD_DIM4; d4 += WG) {
    let key = rotated4(params.heads + kv_head, d4);
    new_key[d4] = key;
    if (workgroup.x == 0 && first_row == 0) {
      k_cache[new_at + d4] = key;
      v_cache[new_at + d4] = new_value4(kv_head, d4);
    }
  }
  workgroupBarrier();

  let group = lane / HEAD_DIM4;
  let groups = WG / HEAD_DIM4;
  let part = lane % HEAD_DIM4;
  let stride = params.kv_heads * HEAD_DIM4;
  let head_at = kv_head * HEAD_DIM4;
  var highest = vec4f(MASKED);
  var total = vec4f();
  var output = mat4x4f();  // column r: head first_row + r
  for (var tile = begin; tile < cached; tile += WG) {
    for (var turn = 0u; turn < SHARERS; turn++) {
      let key = turn * (WG / SHARERS) + lane / SHARERS;
      var share = vec4f();
      if (tile + key < cached) {
        let key_at = (tile + key) * stride + head_at;
        // Four parts are asked for at a time.
        for (var d4 = lane % SHARERS; d4 < HEAD_DIM4; d4 += 4 * SHARERS) {
          let part4 = vec4u(d4, d4 + SHARERS, d4 + 2 * SHARERS, d4 + 3 * SHARERS);
          let at = key_at + min(part4, vec4u(HEAD_DIM4 - 1));
          let key4 = mat4x4f(k_cache[at.x], k_cache[at.y], k_cache[at.z], k_cache[at.w]);
          for (var next = 0u; next < 4; next++) {
            if (part4[next] < HEAD_DIM4) {
              share += scores4(part4[next], key4[next]);
            }
          }
        }
      }
      let score = shared_sum(share);
      if (lane % SHARERS == 0) {
        scores[key] = score;
      }
    }
    workgroupBarrier();

    // Each group has its own keys of the tile, and so its own largest score.
    if (group < groups) {
      let keys = min(WG, cached - tile);
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
        let key4 = vec4u(key, key + groups, key + 2 * groups, key + 3 * groups);
        let at = (tile + min(key4, vec4u(keys - 1))) * stride + head_at + part;
        let value = mat4x4f(v_cache[at.x], v_cache[at.y], v_cache[at.z], v_cache[at.w]);
        for (var next = 0u; next < 4; next++) {
          if (key4[next] < keys) {
            let weight = exp(scores[key4[next]] - highest);
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
  if (end == length) {
    shares[lane] = vec4f();
    if (lane < HEAD_DIM4) {
      shares[lane] = scores4(lane, new_key[lane]);
    }
    workgroupBarrier();
    var score = vec4f();
    for (var d4 = 0u; d4 < HEAD_DIM4; d4++) {
      score += shares[d4];
    }
    if (group == 0) {
      let new_highest = max(highest, score);
      let correction = exp(highest - new_highest);
      let weight = exp(score - new_highest);
      let value = new_value4(kv_head, part);
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
    write_output(lane, at, output[r], is_head);
    if (lane == 0 && is_head) {
      partial[at + HEAD_DIM4] = vec4f(split_highest[r], sum[r], 0.0, 0.0);
    }
  }
}
