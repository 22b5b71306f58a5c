// uses: lib/step.wgsl, lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl, lib/prenorm.wgsl, lib/splits.wgsl
// attention_merge_matvec_add_prenorm: o = the softmax-weighted mean of the splits' partial attention;  x[r] += W[r, :] . o,
//   on its way into the next RMSNorm: h = x * norm_weight, squares[r / 4] = x[r]^2 + .. + x[r + 3]^2
//
// Shapes    partial: (SPLITS, heads, head_dim/4 + 1) vec4f, of each split and head its unnormalized output
//           sum_j exp(s_j - m) v_j, then (m, l, -, -) with m the largest score and l = sum_j exp(s_j - m);
//           weights: (rows, heads * head_dim), any scheme;  norm_weight, x, h: (all rows) f32;  squares: (all rows / 4).
//           rows and first_row are multiples of 4.
// Mapping   one workgroup four rows; each finds the weights of the splits of all heads, and merges as it reads.
// Constants WG       invocations a workgroup, a power of two.
//           SPLITS   parts that the keys may be cut into.    HEADS   query heads.
// Source    Dao et al. 2023, Flash-Decoding; reference: attention.ts, matvec.ts, add.ts, prenorm.ts in src/reference.

override WG: u32 = 64;
override SPLITS: u32 = 16;
override HEADS: u32 = 32;

struct Params {
  rows: u32,
  first_row: u32,  // of x
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // heads * head_dim / 4
  head_dim4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;        // (SPLITS, heads, head_dim/4 + 1)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;        // (rows, heads * head_dim)
@group(0) @binding(3) var<storage, read> norm_weight: array<vec4f>;    // (rows of all parts)
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;        // (rows of all parts)
@group(0) @binding(5) var<storage, read_write> h: array<vec4f>;        // (rows of all parts)
@group(0) @binding(6) var<storage, read_write> squares: array<f32>;    // (rows of all parts / 4)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> split_weight: array<f32, HEADS * SPLITS>;  // exp(m - highest m) / total, of head and split

fn merge_weights(head: u32, splits: u32) {
  let stride = params.head_dim4 + 1;
  var highest = -3.0e38;
  for (var split = 0u; split < splits; split++) {
    highest = max(highest, partial[(split * HEADS + head) * stride + params.head_dim4].x);
  }
  var total = 0.0;
  for (var split = 0u; split < splits; split++) {
    let sums = partial[(split * HEADS + head) * stride + params.head_dim4];
    let weight = exp(sums.x - highest);
    split_weight[head * SPLITS + split] = weight;
    total += weight * sums.y;
  }
  for (var split = 0u; split < splits; split++) {
    split_weight[head * SPLITS + split] /= total;
  }
}

fn input4(index: u32) -> vec4f {
  let head = min(index / params.head_dim4, HEADS - 1);
  let d4 = index % params.head_dim4;
  let splits = active_splits(step.position + 1);
  var output = vec4f();
  for (var split = 0u; split < splits; split++) {
    output += split_weight[head * SPLITS + split] * partial[(split * HEADS + head) * (params.head_dim4 + 1) + d4];
  }
  return select(vec4f(), output, index < params.columns4);
}

@compute @workgroup_size(WG)
fn attention_merge_matvec_add_prenorm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.rows) {
    return;
  }
  for (var head = invocation.lane; head < HEADS; head += WG) {
    merge_weights(head, active_splits(step.position + 1));
  }
  workgroupBarrier();
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let sums = workgroup_sum(Sums(dots, 0.0), invocation);
  if (invocation.lane == 0) {
    let scales = vec4f(
      row_scale(first, params.rows, params.blocks),
      row_scale(first + 1, params.rows, params.blocks),
      row_scale(first + 2, params.rows, params.blocks),
      row_scale(first + 3, params.rows, params.blocks),
    );
    add_prenorm((params.first_row + first) / 4, sums.four * scales);
  }
}
