// lib/matvec.wgsl for int4 weights, with activations as fixed point: groups of 32 columns, as weights have them, share a
// scale, and a number is 256 * high + low of two signed bytes. A product with stored weights then is one instruction for
// four columns and each byte, where floats take three or four for one. Every workgroup makes its own from the kernel's
// input4, for several teams of TEAM invocations with four rows each: to make them must not cost more than to use them.
//
// Rounding to 16 bits changes an activation by 2^-16 of its group's largest.
//
// Tried     On an H100, a chain of one kernel, in us for 28,672 and 16,768 rows of 4,096, and 4,096 of 14,336 and
//           8,192, all int4, 2026-11-26: in floats 47, 29.7, 25.4, 16.7; this 29, 19.2, 18.6, 12.3. Fewer rows a
//           workgroup 31 and more; several tiles in turn slower, too. With digits that the kernel before made 27.4,
//           18.2, 15.8, 10.3, but that one then makes 16 rows a workgroup, and takes 32 instead of 27. Of int8 with
//           such digits, two rows a workgroup, 41.5, 26.3, 22.8, 14.7 instead of 46.0, 29.9, 24.3, 15.9; made by each
//           workgroup it gains with 4,096 columns only: 43.8, 28.1.

const DIGITS: f32 = 32639.0;  // 256 * 127 + 127

// Of up to SEGMENT groups: first their columns 0 .. 15, then, SEGMENT further on, their columns 16 .. 31.
var<workgroup> high: array<vec4u, 2 * SEGMENT>;
var<workgroup> low: array<vec4u, 2 * SEGMENT>;
var<workgroup> x_scale: array<f32, SEGMENT>;
var<workgroup> x_sum: array<i32, SEGMENT>;  // of the group's fixed-point numbers

fn first_row(group: u32, lane: u32) -> u32 {
  return (group * (WG / TEAM) + lane / TEAM) * 4;
}

fn team_lane(lane: u32) -> u32 {
  return lane % TEAM;
}

// Numbers within +-DIGITS as those plus 2^15 + 2^7 in the lower 16 bits, where bytes are 128 more than signed ones.
fn fixed_bits(x: vec4f, inverse: f32) -> vec4u {
  return bitcast<vec4u>(fma(x, vec4f(inverse), vec4f(8388608.0 + 32896.0)));
}

// The upper bytes of four such, as signed ones.
fn high_bytes(bits: vec4u) -> u32 {
  let even = (bits.x & 0xffff) | (bits.z << 16);
  let odd = (bits.y & 0xffff) | (bits.w << 16);
  return (((even >> 8) & 0x00ff00ff) | (odd & 0xff00ff00)) ^ 0x80808080;
}

fn low_bytes(bits: vec4u) -> u32 {
  let even = (bits.x & 0xffff) | (bits.z << 16);
  let odd = (bits.y & 0xffff) | (bits.w << 16);
  return ((even & 0x00ff00ff) | ((odd & 0x00ff00ff) << 8)) ^ 0x80808080;
}

fn add_dots(sum: i32, a: vec4u, b: vec4u) -> i32 {
  return sum + dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

fn largest(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> f32 {
  let four = max(max(abs(a), abs(b)), max(abs(c), abs(d)));
  return max(max(four.x, four.y), max(four.z, four.w));
}

// Writes half a group; its sum.
fn write_half(at: u32, inverse: f32, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) -> i32 {
  let a = fixed_bits(x0, inverse);
  let b = fixed_bits(x1, inverse);
  let c = fixed_bits(x2, inverse);
  let d = fixed_bits(x3, inverse);
  let upper = vec4u(high_bytes(a), high_bytes(b), high_bytes(c), high_bytes(d));
  let lower = vec4u(low_bytes(a), low_bytes(b), low_bytes(c), low_bytes(d));
  high[at] = upper;
  low[at] = lower;
  let ones = vec4u(0x01010101);
  return add_dots(256 * add_dots(0, ones, upper), ones, lower);
}

fn make_group(group: u32, slot: u32) {
  let at = group * 8;
  let x0 = input4(at);
  let x1 = input4(at + 1);
  let x2 = input4(at + 2);
  let x3 = input4(at + 3);
  let x4 = input4(at + 4);
  let x5 = input4(at + 5);
  let x6 = input4(at + 6);
  let x7 = input4(at + 7);
  let most = max(largest(x0, x1, x2, x3), largest(x4, x5, x6, x7));
  // Below 1e-30 a group is zeros: the inverse would overflow.
  let inverse = select(DIGITS / most, 0.0, most < 1e-30);
  x_sum[slot] = write_half(slot, inverse, x0, x1, x2, x3) + write_half(SEGMENT + slot, inverse, x4, x5, x6, x7);
  x_scale[slot] = most / DIGITS;
}

// A block of each of four rows, and the words with their scales.
struct Quad {
  a: vec4u,
  b: vec4u,
  c: vec4u,
  d: vec4u,
  scales: vec4u,
}

fn read_quad(row: vec4u, block: u32, rows: u32, blocks: u32) -> Quad {
  let word = 1 + block / 2;
  return Quad(
    weights[row.x * blocks + block],
    weights[row.y * blocks + block],
    weights[row.z * blocks + block],
    weights[row.w * blocks + block],
    vec4u(
      scale_word(row.x, word, rows, blocks),
      scale_word(row.y, word, rows, blocks),
      scale_word(row.z, word, rows, blocks),
      scale_word(row.w, word, rows, blocks),
    ),
  );
}

// sum (stored - zero) x of a block, zero in halves, without the scale of x: exact but for one rounding.
fn dot_block(block: vec4u, scale_bits: u32, slot: u32) -> f32 {
  let first = block & vec4u(0x0f0f0f0f);
  let second = (block >> vec4u(4)) & vec4u(0x0f0f0f0f);
  let upper = add_dots(add_dots(0, first, high[slot]), second, high[SEGMENT + slot]);
  let dots = add_dots(add_dots(256 * upper, first, low[slot]), second, low[SEGMENT + slot]);
  let doubled = 2 * dots - i32(scale_bits & 31) * x_sum[slot];
  // Half the scale, as what it scales is doubled: 126 for an f32 is one half.
  let half_scale = bitcast<f32>((((scale_bits >> 5) & 0x7ff) << 17) + (95u << 23));
  return half_scale * f32(doubled);
}

// This lane's share of the dot products of its team's rows first .. first+3; rows past the end repeat the last one. All
// invocations of the workgroup must call.
fn matvec_rows(first: u32, rows: u32, blocks: u32, lane: u32) -> vec4f {
  let row = min(vec4u(first) + vec4u(0, 1, 2, 3), vec4u(rows - 1));
  var sum = vec4f();
  for (var begin = 0u; begin < blocks; begin += SEGMENT) {
    let end = min(begin + SEGMENT, blocks);
    // Weights come from afar: they are asked for before all else.
    var block = begin + team_lane(lane);
    var next = read_quad(row, min(block, blocks - 1), rows, blocks);
    if (begin > 0) {
      workgroupBarrier();
    }
    for (var group = begin + lane; group < end; group += WG) {
      make_group(group, group - begin);
    }
    workgroupBarrier();
    for (; block < end; block += TEAM) {
      let quad = next;
      next = read_quad(row, min(block + TEAM, blocks - 1), rows, blocks);
      let bits = quad.scales >> vec4u(16 * (block & 1));
      let slot = block - begin;
      sum += x_scale[slot] * vec4f(
        dot_block(quad.a, bits.x, slot),
        dot_block(quad.b, bits.y, slot),
        dot_block(quad.c, bits.z, slot),
        dot_block(quad.d, bits.w, slot),
      );
    }
  }
  return sum;
}

// The sum of the values of each team, to all of it. Every invocation must call. A subgroup lies within a team.
fn team_sum(value: Sums, invocation: Invocation) -> Sums {
  let sums = Sums(subgroupAdd(value.four), subgroupAdd(value.one));
  if (invocation.subgroup_lane == 0) {
    let subgroup = invocation.lane / invocation.subgroup_size;
    reduce_four[subgroup] = sums.four;
    reduce_one[subgroup] = sums.one;
  }
  workgroupBarrier();
  let begin = invocation.lane / TEAM * TEAM / invocation.subgroup_size;
  var total = Sums(reduce_four[begin], reduce_one[begin]);
  for (var subgroup = begin + 1; subgroup < begin + TEAM / invocation.subgroup_size; subgroup++) {
    total.four += reduce_four[subgroup];
    total.one += reduce_one[subgroup];
  }
  return total;
}
