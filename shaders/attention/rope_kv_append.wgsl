// uses: lib/step.wgsl
// rope_kv_append: rotates q in place, appends rotated k and v to the cache
//   (q_i, q_{i+half}) -> (q_i cos - q_{i+half} sin, q_{i+half} cos + q_i sin),  i < half = dims/2
//
// Shapes    qkv: (T, heads + 2*J, head_dim) f32;  rope: (positions, half) vec2f of cos and sin;
//           k_cache, v_cache: (capacity, J, head_dim), rows position .. position + T - 1 are written.
// Mapping   x: one invocation a pair (head, i) with i < head_dim/2; y: the token. Dimensions at and beyond dims are
//           not rotated: those pairs are (dims + 2k, dims + 2k + 1).
// Constants WG   invocations a workgroup.
// Source    Su et al. 2021, RoPE, half-split as in GPT-NeoX; reference: rope.ts in src/reference.

override WG: u32 = 64;

struct Params {
  heads: u32,
  kv_heads: u32,   // J
  head_dim: u32,
  rope_dims: u32,  // even, 0 for none
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rope: array<vec2f>;            // (positions, rope_dims/2)
@group(0) @binding(2) var<storage, read_write> qkv: array<f32>;         // (T, heads + 2*J, head_dim)
@group(0) @binding(3) var<storage, read_write> k_cache: array<f32>;     // (capacity, J, head_dim)
@group(0) @binding(4) var<storage, read_write> v_cache: array<f32>;     // (capacity, J, head_dim)
@group(1) @binding(0) var<uniform> step: Step;

@compute @workgroup_size(WG)
fn rope_kv_append(@builtin(global_invocation_id) invocation: vec3u) {
  let pairs = params.head_dim / 2;
  let slots = params.heads + 2 * params.kv_heads;
  let slot = invocation.x / pairs;
  let pair = invocation.x % pairs;
  let t = invocation.y;
  if (slot >= slots || t >= step.tokens) {
    return;
  }
  let half = params.rope_dims / 2;
  let rotates = pair < half;
  let first = select(2 * pair, pair, rotates);
  let second = select(2 * pair + 1, pair + half, rotates);
  let at = (t * slots + slot) * params.head_dim;
  let value = vec2f(qkv[at + first], qkv[at + second]);

  if (slot >= params.heads + params.kv_heads) {
    let to = ((step.position + t) * params.kv_heads + slot - params.heads - params.kv_heads) * params.head_dim;
    v_cache[to + first] = value.x;
    v_cache[to + second] = value.y;
    return;
  }
  var turned = value;
  if (rotates) {
    let turn = rope[(step.position + t) * half + pair];
    turned = vec2f(value.x * turn.x - value.y * turn.y, value.y * turn.x + value.x * turn.y);
  }
  if (slot < params.heads) {
    qkv[at + first] = turned.x;
    qkv[at + second] = turned.y;
  } else {
    let to = ((step.position + t) * params.kv_heads + slot - params.heads) * params.head_dim;
    k_cache[to + first] = turned.x;
    k_cache[to + second] = turned.y;
  }
}
