// uses: lib/step.wgsl, lib/splits.wgsl
// attention_merge: o[head, :] = sum_s w[s] * partial[s, head, :], w[s] = exp(m[s] - max m) / sum_s l[s] exp(m[s] - max m)
//
// Shapes    partial: (SPLITS, heads, head_dim/4 + 1) vec4f, of each split and head its unnormalized output
//           sum_j exp(s_j - m) v_j, then (m, l, -, -) with m the largest score and l = sum_j exp(s_j - m), as attention_decode
//           leaves them;  o: (heads, head_dim) f32.
// Mapping   one workgroup a head. A matvec that reads what it merges, as attention_merge_matvec_add_to_norm, saves this
//           dispatch; a product for several sequences would merge for all of them in every workgroup.
// Constants WG       invocations a workgroup, at least SPLITS.
//           SPLITS   parts that the keys may be cut into.
// Source    Dao et al. 2023, Flash-Decoding; reference: attention.ts in src/reference.

override WG: u32 = 64;
override SPLITS: u32 = 16;

struct Params {
  heads: u32,
  head_dim4: u32,
  segment_tokens: u32,  // of the cache's first segment, which has the most splits
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;    // (SPLITS, heads, head_dim/4 + 1)
@group(0) @binding(2) var<storage, read_write> o: array<vec4f>;    // (heads, head_dim)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> sums: array<vec2f, SPLITS>;  // m and l

@compute @workgroup_size(WG)
fn attention_merge(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let splits = active_splits(min(step.position + 1, params.segment_tokens));
  let stride = params.head_dim4 + 1;
  if (lane < splits) {
    sums[lane] = partial[(lane * params.heads + workgroup.x) * stride + params.head_dim4].xy;
  }
  workgroupBarrier();
  var highest = -3.0e38;
  for (var split = 0u; split < splits; split++) {
    highest = max(highest, sums[split].x);
  }
  var total = 0.0;
  for (var split = 0u; split < splits; split++) {
    total += exp(sums[split].x - highest) * sums[split].y;
  }
  for (var d4 = lane; d4 < params.head_dim4; d4 += WG) {
    var merged = vec4f();
    for (var split = 0u; split < splits; split++) {
      let weight = exp(sums[split].x - highest) / total;
      merged += weight * partial[(split * params.heads + workgroup.x) * stride + d4];
    }
    o[workgroup.x * params.head_dim4 + d4] = merged;
  }
}
