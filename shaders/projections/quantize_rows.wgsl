// uses: lib/bytes.wgsl, lib/norm_factor.wgsl
// quantize_rows: q[t, c] = round(x[t, c] / scale[t, g]), scale[t, g] = max |x[t, c]| / LARGEST over c of group g = c / 128
//   LARGEST is 127, and y = q; with two digits of int8 it is 32639, and q = 256 * upper + lower;
//   with NORMED, scale is divided by sqrt(sum(squares[t]) / C + eps)
//
// Shapes    x: (T, C) f32, from a row to the next x_stride;  y: (T, DIGITS, blocks) of 16 int8 each, upper digits before
//           lower ones, zeros behind C;  scale: (T, groups) f32;  squares: (T, 4*squares4) f32, partial sums of the
//           inputs' squares, from a row to the next squares_stride, read only with NORMED.
// Mapping   one workgroup 8 groups of a row: x of the grid the groups, y the tokens; one invocation a block.
// Constants DIGITS   of a number: 1 or 2.
//           NORMED   1 where inputs are on their way out of a norm: so products need not know of it. 0 else.
// Source    Dettmers et al. 2022 (absmax quantization); reference: src/reference/quantize_rows.ts.
// Hazards   a group of magnitudes below 1e-30 becomes zeros: LARGEST / max would overflow. 32639 is
//           127 * 256 + 127: the largest with both digits in int8.

const GROUP_BLOCKS: u32 = 8;

override DIGITS: u32 = 1;
override NORMED: u32 = 0;

struct Params {
  columns4: u32,  // C / 4
  blocks: u32,    // of 16 columns
  x_stride: u32,  // in vec4f
  squares4: u32,
  squares_stride: u32,  // in vec4f
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;              // (T, C)
@group(0) @binding(2) var<storage, read> squares: array<vec4f>;        // (T, 4 * squares4)
@group(0) @binding(3) var<storage, read_write> y: array<vec4u>;        // (T, DIGITS, blocks)
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;      // (T, groups)

var<workgroup> largest: array<f32, 64>;
var<workgroup> norm_shares: array<f32, 64>;

// An invocation's share of the sum of a row's squares.
fn norm_share(t: u32, lane: u32) -> f32 {
  var share = vec4f();
  for (var index = lane; index < params.squares4; index += 64) {
    share += squares[t * params.squares_stride + index];
  }
  return dot(share, vec4f(1.0));
}

// 1 / rms of the row, of the shares of all.
fn row_norm() -> f32 {
  var sum = 0.0;
  for (var other = 0u; other < 64; other++) {
    sum += norm_shares[other];
  }
  return norm_factor(sum, params.columns4, params.eps);
}

// Of a block.
struct Numbers {
  a: vec4i,
  b: vec4i,
  c: vec4i,
  d: vec4i,
}

// The lower ones are what packing leaves of the numbers.
fn upper_digits(q: Numbers) -> Numbers {
  return Numbers((q.a + 128) >> vec4u(8), (q.b + 128) >> vec4u(8), (q.c + 128) >> vec4u(8), (q.d + 128) >> vec4u(8));
}

fn packed(q: Numbers) -> vec4u {
  return vec4u(pack_bytes(q.a), pack_bytes(q.b), pack_bytes(q.c), pack_bytes(q.d));
}

@compute @workgroup_size(64)
fn quantize_rows(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = workgroup.y;
  let block = workgroup.x * 64 + lane;
  if (NORMED == 1) {
    norm_shares[lane] = norm_share(t, lane);
  }
  var values = mat4x4f();
  for (var i = 0u; i < 4; i++) {
    let column = 4 * block + i;
    if (column < params.columns4) {
      values[i] = x[t * params.x_stride + column];
    }
  }
  let most = max(max(abs(values[0]), abs(values[1])), max(abs(values[2]), abs(values[3])));
  largest[lane] = max(max(most.x, most.y), max(most.z, most.w));
  workgroupBarrier();
  var of_group = 0.0;
  for (var i = 0u; i < GROUP_BLOCKS; i++) {
    of_group = max(of_group, largest[lane / GROUP_BLOCKS * GROUP_BLOCKS + i]);
  }
  if (block >= params.blocks) {
    return;
  }
  let largest_digits = select(127.0, 32639.0, DIGITS == 2);
  let inverse = select(largest_digits / of_group, 0.0, of_group < 1e-30);
  let q = Numbers(
    vec4i(round(values[0] * inverse)),
    vec4i(round(values[1] * inverse)),
    vec4i(round(values[2] * inverse)),
    vec4i(round(values[3] * inverse)),
  );
  let at = t * DIGITS * params.blocks + block;
  if (DIGITS == 2) {
    y[at] = packed(upper_digits(q));
    y[at + params.blocks] = packed(q);
  } else {
    y[at] = packed(q);
  }
  if (lane % GROUP_BLOCKS == 0) {
    let groups = (params.blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS;
    var of_row = 1.0;
    if (NORMED == 1) {
      of_row = row_norm();
    }
    scale[t * groups + block / GROUP_BLOCKS] = of_row * of_group / largest_digits;
  }
}
