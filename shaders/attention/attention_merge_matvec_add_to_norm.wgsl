// uses: lib/step.wgsl, lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/scales.wgsl, lib/to_norm.wgsl, lib/splits.wgsl
// attention_merge_matvec_add_to_norm: o = the softmax-weighted mean of the splits' partial attention;  x[r] += W[r, :] . o,
//   on its way into the next RMSNorm: h = x * norm_weight, x_squares[r / 4] = x[r]^2 + .. + x[r + 3]^2
//
// Shapes    partial: (SPLITS, heads, head_dim/4 + 1) vec4f, of each split and head its unnormalized output
//           sum_j exp(s_j - m) v_j, then (m, l, -, -) with m the largest score and l = sum_j exp(s_j - m);
//           weights: (rows, heads * head_dim), any scheme;  norm_weight, x, h: (all rows) f32;  x_squares: (all rows / 4).
//           rows and first_row are multiples of 4.
// Mapping   one workgroup sixteen rows, as merging is dear. Each finds the weights of the splits of all heads, and merges as
//           it reads. It merges all vec4f's of a block at once, so that no read waits for another.
// Constants WG       invocations a workgroup, a power of two.
//           SPLITS   parts that the keys may be cut into.    HEADS   query heads.
// Source    Dao et al. 2023, Flash-Decoding; reference: attention.ts, matvec.ts, add.ts, to_norm.ts in src/reference.
// Tried     On an H100, merging once for sixteen rows takes a layer of Bamba-9B from 22 to 17 us at 1,024 tokens, and from
//           53 to 26 us at 16,384.

override WG: u32 = 64;
override SPLITS: u32 = 16;
override HEADS: u32 = 32;

struct Params {
  rows: u32,
  first_row: u32,  // of x
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // heads * head_dim / 4
  head_dim4: u32,
  segment_tokens: u32,  // of the cache's first segment, which has the most splits
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;        // (SPLITS, heads, head_dim/4 + 1)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;        // (rows, heads * head_dim)
@group(0) @binding(3) var<storage, read> norm_weight: array<vec4f>;    // (rows of all parts)
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;        // (rows of all parts)
@group(0) @binding(5) var<storage, read_write> h: array<vec4f>;        // (rows of all parts)
@group(0) @binding(6) var<storage, read_write> x_squares: array<f32>;  // (rows of all parts / 4)
@group(1) @binding(0) var<uniform> step: Step;

var<workgroup> split_weight: array<f32, HEADS * SPLITS>;  // exp(m - highest m) / total, of head and split

// Of four splits from one on: those behind the last count nothing.
fn four_splits(first: u32, splits: u32) -> vec4u {
  return min(vec4u(first) + vec4u(0, 1, 2, 3), vec4u(splits - 1));
}

fn merge_weights(head: u32, splits: u32) {
  let stride = params.head_dim4 + 1;
  var highest = -3.0e38;
  for (var first = 0u; first < splits; first += 4) {
    let at = (four_splits(first, splits) * HEADS + head) * stride + params.head_dim4;
    highest = max(highest, max(max(partial[at.x].x, partial[at.y].x), max(partial[at.z].x, partial[at.w].x)));
  }
  var total = 0.0;
  for (var first = 0u; first < splits; first += 4) {
    let at = (four_splits(first, splits) * HEADS + head) * stride + params.head_dim4;
    let sums = array(partial[at.x], partial[at.y], partial[at.z], partial[at.w]);
    for (var next = 0u; next < 4 && first + next < splits; next++) {
      let weight = exp(sums[next].x - highest);
      split_weight[head * SPLITS + first + next] = weight;
      total += weight * sums[next].y;
    }
  }
  for (var split = 0u; split < splits; split++) {
    split_weight[head * SPLITS + split] /= total;
  }
}

// Where a vec4f of the columns is in a split, and its head in y; behind the last column, those of the last.
fn place(index: u32) -> vec2u {
  let clamped = min(index, params.columns4 - 1);
  let head = clamped / params.head_dim4;
  return vec2u(head * (params.head_dim4 + 1) + clamped % params.head_dim4, head);
}

// Half a block of the merged attention: columns behind the last are zeros.
fn merged_half(block: u32, half: u32, splits: u32) -> mat4x4f {
  let index = (block * HALVES + half) * BLOCK4;
  let a = place(index);
  let b = place(index + 1);
  let c = place(index + 2);
  let d = place(index + 3);
  let stride = HEADS * (params.head_dim4 + 1);
  var x = mat4x4f();
  for (var split = 0u; split < splits; split++) {
    let at = split * stride;
    // BLOCK4 is known when the shader is compiled: of these, what it does not need is not in the code.
    x[0] += split_weight[a.y * SPLITS + split] * partial[at + a.x];
    if (BLOCK4 > 1) {
      x[1] += split_weight[b.y * SPLITS + split] * partial[at + b.x];
    }
    if (BLOCK4 > 2) {
      x[2] += split_weight[c.y * SPLITS + split] * partial[at + c.x];
      x[3] += split_weight[d.y * SPLITS + split] * partial[at + d.x];
    }
  }
  if (index + BLOCK4 > params.columns4) {
    for (var i = 0u; i < 4; i++) {
      x[i] = select(vec4f(), x[i], index + i < params.columns4);
    }
  }
  return x;
}

@compute @workgroup_size(WG)
fn attention_merge_matvec_add_to_norm(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 16;
  if (first >= params.rows) {
    return;
  }
  let splits = active_splits(min(step.position + 1, params.segment_tokens));
  for (var head = invocation.lane; head < HEADS; head += WG) {
    merge_weights(head, splits);
  }
  workgroupBarrier();
  var dots = mat4x4f();  // four rows a column
  for (var block = invocation.lane; block < params.blocks; block += WG) {
    for (var half = 0u; half < HALVES; half++) {
      let x = merged_half(block, half, splits);
      for (var quad = 0u; quad < 4; quad++) {
        dots[quad] += dot_rows(first + 4 * quad, block, half, x);
      }
    }
  }
  var sums = mat4x4f();
  for (var quad = 0u; quad < 4; quad++) {
    sums[quad] = workgroup_sum(Sums(dots[quad], 0.0), invocation).four;
  }
  let row = first + 4 * invocation.lane;
  if (invocation.lane < 4 && row < params.rows) {
    let scales = four_scales(row, params.rows, params.blocks);
    add_to_norm((params.first_row + row) / 4, sums[invocation.lane] * scales);
  }
}

// The share of half a block in the dot products of four rows; rows past the end repeat the last one.
fn dot_rows(first: u32, block: u32, half: u32, x: mat4x4f) -> vec4f {
  let row = min(vec4u(first) + vec4u(0, 1, 2, 3), vec4u(params.rows - 1));
  let at = row * params.blocks + block;
  let w0 = weights[at.x];
  let w1 = weights[at.y];
  let w2 = weights[at.z];
  let w3 = weights[at.w];
  let dots = vec4f(dot_half(w0, half, x), dot_half(w1, half, x), dot_half(w2, half, x), dot_half(w3, half, x));
  if (!GROUPED) {
    return dots;
  }
  let s0 = block_scale(row.x, block, params.rows, params.blocks);
  let s1 = block_scale(row.y, block, params.rows, params.blocks);
  let s2 = block_scale(row.z, block, params.rows, params.blocks);
  let s3 = block_scale(row.w, block, params.rows, params.blocks);
  let x_sum = dot(x[0] + x[1] + x[2] + x[3], vec4f(1.0));
  return vec4f(s0.x, s1.x, s2.x, s3.x) * dots + vec4f(s0.y, s1.y, s2.y, s3.y) * x_sum;
}
