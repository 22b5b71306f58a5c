// Weights of scheme int4 as integers, for lib/matmul_int8.wgsl: a block of 16 bytes holds 32 columns, a group. Its integers
// are 2 * stored - the zero point in halves, bytes of -31 .. 30: no minimum is left, and nothing to take off the sums. Each
// group is summed exactly, and scaled by what lib/weight_int4.wgsl says.

const STORED_BLOCKS: u32 = 2;  // blocks of 16 columns in a block of weights

// Adding the bits of 1.5 * 2^23 to an integer below 2^22 makes those of 1.5 * 2^23 plus the integer. Sums begin with them:
// a subtraction then takes the place of a conversion, which some GPUs do at an eighth of the speed.
const BIAS_BITS: i32 = 0x4b400000;
const BIAS: f32 = 12582912.0;

// Of the groups of a step: (groups, rows / 4) of four rows each.
var<workgroup> w_scales: array<vec4f, STEP / STORED_BLOCKS * ROW_QUADS>;

fn stored_block(stored: vec4u, at: u32, scale_bits: u32) -> vec4u {
  let doubled = select(stored << vec4u(1), stored >> vec4u(3), at % STORED_BLOCKS == 1);
  // Four subtractions in a word: with its highest bit set, no byte borrows from the next.
  let zeros = vec4u((scale_bits & 31) * 0x01010101);
  return (((doubled & vec4u(0x1e1e1e1e)) | vec4u(0x80808080)) - zeros) ^ vec4u(0x80808080);
}

// Half the scale, as the integers are doubled: 126 for an f32 is one half.
fn half_scale(scale_bits: u32) -> f32 {
  return bitcast<f32>(((scale_bits >> 5) << 17) + (95u << 23));
}

// Block `at` of 16 columns of four rows, which are a quad of the tile. The first of group `group` of a step leaves its
// scales there.
fn stored_quad(row: vec4u, at: u32, group: u32, quad: u32, rows: u32, blocks: u32) -> Quad {
  let block = at / STORED_BLOCKS;
  let word = 1 + block / 2;
  let words = vec4u(
    scale_word(row.x, word, rows, blocks),
    scale_word(row.y, word, rows, blocks),
    scale_word(row.z, word, rows, blocks),
    scale_word(row.w, word, rows, blocks),
  );
  let bits = (words >> vec4u(16 * (block & 1))) & vec4u(0xffff);
  if (at % STORED_BLOCKS == 0) {
    w_scales[group * ROW_QUADS + quad] =
      vec4f(half_scale(bits.x), half_scale(bits.y), half_scale(bits.z), half_scale(bits.w));
  }
  return Quad(
    stored_block(weights[row.x * blocks + block], at, bits.x),
    stored_block(weights[row.y * blocks + block], at, bits.y),
    stored_block(weights[row.z * blocks + block], at, bits.z),
    stored_block(weights[row.w * blocks + block], at, bits.w),
  );
}

fn no_dots() -> Dots {
  return Dots(vec4i(BIAS_BITS), vec4i(BIAS_BITS), vec4i(BIAS_BITS), vec4i(BIAS_BITS));
}

// Adds the dots of group `group` of a step. Of a group behind the last they are zeros, and the scales of one before.
fn add_group(sums: mat4x4f, dots: Dots, group: u32, quad: u32) -> mat4x4f {
  let scales = w_scales[group * ROW_QUADS + quad];
  return mat4x4f(
    fma(scales, bitcast<vec4f>(dots.t0) - vec4f(BIAS), sums[0]),
    fma(scales, bitcast<vec4f>(dots.t1) - vec4f(BIAS), sums[1]),
    fma(scales, bitcast<vec4f>(dots.t2) - vec4f(BIAS), sums[2]),
    fma(scales, bitcast<vec4f>(dots.t3) - vec4f(BIAS), sums[3]),
  );
}

// What is summed over a group of x.
fn group_sums(sums: mat4x4f, dots: Dots) -> mat4x4f {
  return sums;
}
