// uses: lib/grid.wgsl, lib/reduce.wgsl, lib/weight.wgsl, lib/matvec.wgsl
// attention_merge_matvec_add: o = the softmax-weighted mean of the splits' partial attention;  y[r] += W[r, :] . o
//
// Shapes    partial: (SPLITS, heads, head_dim/4 + 1) vec4f, of each split and head its unnormalized output
//           sum_j exp(s_j - m) v_j, then (m, l, -, -) with m the largest score and l = sum_j exp(s_j - m);
//           weights: (rows, heads * head_dim), any scheme;  y: from first_row on, f32.
// Mapping   one workgroup four rows; the merge is done again by each.
// Constants WG       invocations a workgroup, a power of two.
//           SPLITS   parts that the keys were cut into.
// Source    Dao et al. 2023, Flash-Decoding; reference: attention.ts, matvec.ts, add in src/reference.

override WG: u32 = 64;
override SPLITS: u32 = 8;

struct Params {
  rows: u32,
  first_row: u32,  // of y
  blocks: u32,     // 16-byte blocks of a row
  columns4: u32,   // heads * head_dim / 4
  head_dim4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;      // (SPLITS, heads, head_dim/4 + 1)
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;      // (rows, heads * head_dim)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;        // (rows of all parts)

fn input4(at_column: u32) -> vec4f {
  let index = min(at_column, params.columns4 - 1);
  let head = index / params.head_dim4;
  let stride = params.head_dim4 + 1;
  let split_stride = params.columns4 / params.head_dim4 * stride;
  let base = head * stride;
  var highest = partial[base + params.head_dim4].x;
  for (var split = 1u; split < SPLITS; split++) {
    highest = max(highest, partial[split * split_stride + base + params.head_dim4].x);
  }
  var total = 0.0;
  var output = vec4f();
  for (var split = 0u; split < SPLITS; split++) {
    let at = split * split_stride + base;
    let scale = exp(partial[at + params.head_dim4].x - highest);
    total += scale * partial[at + params.head_dim4].y;
    output += scale * partial[at + index % params.head_dim4];
  }
  return select(vec4f(), output / total, at_column < params.columns4);
}

@compute @workgroup_size(WG)
fn attention_merge_matvec_add(@builtin(workgroup_id) group: vec3u, invocation: Invocation) {
  let first = folded_group(group) * 4;
  if (first >= params.rows) {
    return;
  }
  let dots = matvec_rows(first, params.rows, params.blocks, invocation.lane);
  let sums = workgroup_sum(Sums(dots, 0.0), invocation);
  let row = first + invocation.lane;
  if (invocation.lane < 4 && row < params.rows) {
    y[params.first_row + row] += sums.four[invocation.lane] * row_scale(row, params.rows, params.blocks);
  }
}
