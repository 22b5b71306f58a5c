// uses: lib/step.wgsl, lib/attention.wgsl
// attention_prefill: y[t, h] = softmax_j(scale * q[t, h] . k[j, h / (heads/J)]) v[j, ...],  j <= position + t
//
// Shapes    qkv: (T, heads + 2*J, head_dim) f32, q already rotated;  k_cache, v_cache: (capacity, J, head_dim), up to
//           and with position + T - 1;  y: (T, heads, head_dim).
// Mapping   one workgroup ROWS rows of one KV head: x the tile, y the KV head. A row is a pair (t, query head of the
//           KV head), the head fastest, so that keys and values are read once for all heads that share them.
// Constants WG         invocations a workgroup.    ROWS  rows of a workgroup, a power of two.
//           HEAD_DIM4  head_dim / 4.
// Source    Dao 2023, FlashAttention-2; reference: attention.ts in src/reference.

override WG: u32 = 128;
override ROWS: u32 = 16;
override HEAD_DIM4: u32 = 32;

struct Params {
  heads: u32,
  kv_heads: u32,  // J
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;          // (T, heads + 2*J, head_dim)
@group(0) @binding(2) var<storage, read> k_cache: array<vec4f>;      // (capacity, J, head_dim)
@group(0) @binding(3) var<storage, read> v_cache: array<vec4f>;      // (capacity, J, head_dim)
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;      // (T, heads, head_dim)
@group(1) @binding(0) var<uniform> step: Step;

var<private> kv_head: u32;
var<private> group_size: u32;
var<private> first_row: u32;

fn query4(row: u32, d4: u32) -> vec4f {
  let t = min((first_row + row) / group_size, step.tokens - 1);
  let head = kv_head * group_size + (first_row + row) % group_size;
  return params.scale * qkv[(t * (params.heads + 2 * params.kv_heads) + head) * HEAD_DIM4 + d4];
}

fn key4(j: u32, d4: u32) -> vec4f {
  return k_cache[(j * params.kv_heads + kv_head) * HEAD_DIM4 + d4];
}

fn value4(j: u32, d4: u32) -> vec4f {
  return v_cache[(j * params.kv_heads + kv_head) * HEAD_DIM4 + d4];
}

@compute @workgroup_size(WG)
fn attention_prefill(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // Locals, since the compiler must see that the bounds of loops with barriers are the same for all invocations.
  let first = workgroup.x * ROWS;
  let sharing = params.heads / params.kv_heads;
  kv_head = workgroup.y;
  group_size = sharing;
  first_row = first;
  let rows = step.tokens * sharing;
  let last_t = min(first + ROWS - 1, rows - 1) / sharing;
  let lanes = WG / ROWS;
  let row = first + lane / lanes;
  let t = row / sharing;

  let result = attend(lane, 0, step.position + last_t + 1, step.position + t + 1);
  if (row < rows) {
    let head = workgroup.y * sharing + row % sharing;
    let at = (t * params.heads + head) * HEAD_DIM4;
    for (var index = 0u; index * lanes + lane % lanes < HEAD_DIM4; index++) {
      y[at + index * lanes + lane % lanes] = result.output[index] / result.total;
    }
  }
}
