// uses: lib/step.wgsl, lib/attention.wgsl
// attention_decode: RoPE of the new q and k, append k and v to the cache, attention of the new token over one split
// of the keys.
//
// Shapes    qkv: (heads + 2*J, head_dim) f32;  rope: (positions, dims/2) vec2f of cos and sin;
//           k_cache, v_cache: (capacity, J, head_dim);  partial: (SPLITS, heads, head_dim/4 + 1) vec4f, as
//           attention_merge_matvec_add takes it.
// Mapping   one workgroup a split and ROWS query heads of one KV head: x the split, y the KV head, and within it the
//           tile of its heads/J query heads. The first workgroup of a KV head appends. Position `step.position` is read
//           from qkv by all, never from the cache.
// Constants WG         invocations a workgroup.    ROWS    rows of a workgroup, a power of two.
//           HEAD_DIM4  head_dim / 4.               SPLITS  parts that the keys are cut into.
// Source    Dao et al. 2023, Flash-Decoding; Su et al. 2021, RoPE; reference: rope.ts, attention.ts in src/reference.

override WG: u32 = 128;
override ROWS: u32 = 4;
override HEAD_DIM4: u32 = 32;
override SPLITS: u32 = 8;

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

var<private> kv_head: u32;
var<private> group_size: u32;
var<private> first_row: u32;

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

fn query4(row: u32, d4: u32) -> vec4f {
  let head = kv_head * group_size + min(first_row + row, group_size - 1);
  return params.scale * rotated4(head, d4);
}

fn key4(j: u32, d4: u32) -> vec4f {
  if (j == step.position) {
    return rotated4(params.heads + kv_head, d4);
  }
  return k_cache[(j * params.kv_heads + kv_head) * HEAD_DIM4 + d4];
}

fn new_value4(d4: u32) -> vec4f {
  let at = (params.heads + params.kv_heads + kv_head) * HEAD_DIM4 * 4 + d4 * 4;
  return vec4f(qkv[at], qkv[at + 1], qkv[at + 2], qkv[at + 3]);
}

fn value4(j: u32, d4: u32) -> vec4f {
  if (j == step.position) {
    return new_value4(d4);
  }
  return v_cache[(j * params.kv_heads + kv_head) * HEAD_DIM4 + d4];
}

@compute @workgroup_size(WG)
fn attention_decode(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  group_size = params.heads / params.kv_heads;
  let tiles = (group_size + ROWS - 1) / ROWS;
  kv_head = workgroup.y / tiles;
  first_row = workgroup.y % tiles * ROWS;
  let split = workgroup.x;
  let length = step.position + 1;
  let span = max(KEYS, (length + SPLITS - 1) / SPLITS);
  let begin = min(length, split * span);
  let end = min(length, begin + span);

  if (split == 0 && first_row == 0) {
    let at = (step.position * params.kv_heads + kv_head) * HEAD_DIM4;
    for (var d4 = lane; d4 < HEAD_DIM4; d4 += WG) {
      k_cache[at + d4] = rotated4(params.heads + kv_head, d4);
      v_cache[at + d4] = new_value4(d4);
    }
  }

  let result = attend(lane, begin, end, length);
  let lanes = WG / ROWS;
  let row = first_row + lane / lanes;
  let part = lane % lanes;
  if (row < group_size) {
    let head = kv_head * group_size + row;
    let at = (split * params.heads + head) * (HEAD_DIM4 + 1);
    for (var index = 0u; index * lanes + part < HEAD_DIM4; index++) {
      partial[at + index * lanes + part] = result.output[index];
    }
    if (part == 0) {
      partial[at + HEAD_DIM4] = vec4f(result.highest, result.total, 0.0, 0.0);
    }
  }
}
