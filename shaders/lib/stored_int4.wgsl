// Weights of scheme int4 as integers, for lib/matmul_int8.wgsl: a block of 16 bytes holds 32 columns, a group. Its integers
// are 2 * stored - the zero point in halves, bytes of -31 .. 30: no minimum is left, and nothing to take off the sums. Each
// group is summed exactly, and scaled by what lib/weight_int4.wgsl says.

const STORED_BLOCKS: u32 = 2;  // blocks of 16 columns in a block of weights

// Adding the bits of 1.5 * 2^23 to an integer below 2^22 makes those of 1.5 * 2^23 plus the integer. Sums begin with them:
// a subtraction then takes the place of a conversion, which some GPUs do at an eighth of the speed.
const BIAS_BITS: i32 = 0x4b400000;
const BIAS: f32 = 12582912.0;

// Block `part` of the 16 columns in a block of weights, which is a group that has these bits.
fn stored_integers(stored: vec4u, part: u32, bits: u32) -> vec4u {
  let doubled = select(stored << vec4u(1), stored >> vec4u(3), part == 1);
  // Four subtractions in a word: with its highest bit set, no byte borrows from the next.
  let zeros = vec4u((bits & 31) * 0x01010101);
  return (((doubled & vec4u(0x1e1e1e1e)) | vec4u(0x80808080)) - zeros) ^ vec4u(0x80808080);
}

fn group_bits(row: u32, block: u32, rows: u32, blocks: u32) -> u32 {
  return scale_word(row, 1 + block / 2, rows, blocks) >> (16 * (block & 1));
}

// Of four rows each, those of the groups block .. block + 3. `block` is even.
fn group_words(row: vec4u, block: u32, rows: u32, blocks: u32) -> GroupWords {
  let word = 1 + block / 2;
  var words = GroupWords();
  words.first = vec4u(
    scale_word(row.x, word, rows, blocks),
    scale_word(row.y, word, rows, blocks),
    scale_word(row.z, word, rows, blocks),
    scale_word(row.w, word, rows, blocks),
  );
  if (LANES_T == 8) {
    words.second = vec4u(
      scale_word(row.x, word + 1, rows, blocks),
      scale_word(row.y, word + 1, rows, blocks),
      scale_word(row.z, word + 1, rows, blocks),
      scale_word(row.w, word + 1, rows, blocks),
    );
  }
  return words;
}

// Half the scales of a group 0 .. 3, as the integers are doubled: 126 for an f32 is one half.
fn group_scales(words: GroupWords, group: u32) -> vec4f {
  let bits = select(words.first, words.second, group >= 2) >> vec4u(16 * (group & 1));
  return bitcast<vec4f>((((bits >> vec4u(5)) & vec4u(0x7ff)) << vec4u(17)) + vec4u(95u << 23));
}

fn no_dots() -> vec4i {
  return vec4i(BIAS_BITS);
}

// Adds the dots of a group. Of a group behind the last they are zeros, and the scales any number.
fn add_group(of_group: vec4f, dots: vec4i, scales: vec4f) -> vec4f {
  return fma(scales, bitcast<vec4f>(dots) - vec4f(BIAS), of_group);
}

// The sums over a group of x.
fn group_sums(of_group: vec4f, dots: vec4i) -> vec4f {
  return of_group;
}
