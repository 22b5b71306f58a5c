// uses: lib/step.wgsl, lib/rope.wgsl, lib/cache.wgsl, lib/append.wgsl, lib/window.wgsl
// rope_kv_append: rotates q in place, appends rotated k and v to a segment of the cache
//   (q_i, q_{i+half}) -> (q_i cos - q_{i+half} sin, q_{i+half} cos + q_i sin),  i < half = dims/2
//
// Shapes    qkv: (T, heads + 2*J, head_dim) f32;  rope: (positions, half) vec2f of cos and sin;
//           k_cache, v_cache: (segment_tokens, J) rows of head_dim, of any type; those of position .. position + T - 1
//           that the segment has are written.
// Mapping   x: one invocation a pair (query head, i) with i < head_dim/2, behind them one a unit of a key or value, so
//           that whoever stores a block knows its scale; y: the token. Dimensions at and beyond dims are not rotated:
//           those pairs are (dims + 2k, dims + 2k + 1). The dispatch of the first segment rotates q.
// Constants WG         invocations a workgroup.
//           HEAD_DIM4  head_dim / 4.
//           RING       rows of a ring of the latest tokens, 0 where the cache holds all.
// Source    Su et al. 2021, RoPE, half-split as in GPT-NeoX; reference: rope.ts, kv_cache.ts in src/reference.

override WG: u32 = 64;
override HEAD_DIM4: u32 = 32;
override RING: u32 = 0;

struct Params {
  heads: u32,
  kv_heads: u32,        // J
  rope_dims: u32,       // even, 0 for none
  segment_first: u32,   // position of the segment's first token
  segment_tokens: u32,  // that it has room for
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rope: array<vec2f>;              // (positions, rope_dims/2)
@group(0) @binding(2) var<storage, read_write> qkv: array<f32>;           // (T, heads + 2*J, head_dim)
@group(0) @binding(3) var<storage, read_write> k_cache: array<Cached>;    // (segment_tokens, J, head_dim)
@group(0) @binding(4) var<storage, read_write> v_cache: array<Cached>;    // (segment_tokens, J, head_dim)
@group(1) @binding(0) var<uniform> step: Step;

fn rotate_pair(at: u32, pair: u32, position: u32) {
  let half = params.rope_dims / 2;
  if (pair < half) {
    let turn = rope[position * half + pair];
    let value = vec2f(qkv[at + pair], qkv[at + pair + half]);
    qkv[at + pair] = value.x * turn.x - value.y * turn.y;
    qkv[at + pair + half] = value.y * turn.x + value.x * turn.y;
  }
}

// Stores a unit of the head that begins at `at` in qkv as that of a row of the cache.
fn append(row: u32, unit: u32, at: u32, position: u32, is_key: bool) {
  let first = unit * UNIT4;
  let end = min(first + UNIT4, HEAD_DIM4);
  var scales = vec2f(1.0);
  if (SCALED) {
    var largest = vec2f();
    for (var d4 = first; d4 < end; d4++) {
      let value = abs(head4(at, d4, position, is_key));
      let most = max(max(value.x, value.y), max(value.z, value.w));
      largest = max(largest, select(vec2f(0.0, most), vec2f(most, 0.0), d4 - first < BLOCK4));
    }
    scales = vec2f(scale_of(largest.x), scale_of(largest.y));
    put(is_key, scales_at(row, unit), cached_scales(scales.x, scales.y));
  }
  for (var d4 = first; d4 < end; d4++) {
    let scale = select(scales.y, scales.x, d4 - first < BLOCK4);
    put(is_key, cached_at(row, d4), cached(head4(at, d4, position, is_key), scale));
  }
}

@compute @workgroup_size(WG)
fn rope_kv_append(@builtin(global_invocation_id) invocation: vec3u) {
  let pairs = params.heads * HEAD_DIM4 * 2;
  let units = (HEAD_DIM4 + UNIT4 - 1) / UNIT4;
  let t = invocation.y;
  let position = step.position + t;
  let first_slot = t * (params.heads + 2 * params.kv_heads);
  if (t >= step.tokens) {
    return;
  }
  if (invocation.x < pairs) {
    if (params.segment_first == 0) {
      let head = invocation.x / (HEAD_DIM4 * 2);
      rotate_pair((first_slot + head) * HEAD_DIM4 * 4, invocation.x % (HEAD_DIM4 * 2), position);
    }
    return;
  }
  let slot = (invocation.x - pairs) / units;  // of keys, then values
  let token = position - params.segment_first;  // wraps around for those before the segment
  if (slot < 2 * params.kv_heads && token < params.segment_tokens) {
    let row = cache_row(token) * params.kv_heads + slot % params.kv_heads;
    let at = (first_slot + params.heads + slot) * HEAD_DIM4 * 4;
    append(row, (invocation.x - pairs) % units, at, position, slot < params.kv_heads);
  }
}
