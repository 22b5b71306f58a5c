// Weights of scheme int4: 32 in a block of 16 bytes, which is a group. Byte i of a block holds weights i (low) and i + 16.
// Behind all blocks of the matrix, for each row: its scale, f32, then 16 bits for each group, in words of two groups.
// Of these, the upper 11 are the group's scale, a float of 5 bits of exponent and 6 of mantissa, the lower 5 its zero
// point in halves: weight = row scale * group scale * (stored - zero point). The kernel binds `weights: array<vec4u>`.

const HALVES: u32 = 2;  // parts that a block is decoded in
const BLOCK4: u32 = 4;  // vec4f's of weights in a half
const GROUPED: bool = true;

// Its columns are 16 stored values, 0 .. 15.
fn decode_half(block: vec4u, half: u32) -> mat4x4f {
  let shift = 4 * half;
  return mat4x4f(
    nibble_floats(block.x >> shift),
    nibble_floats(block.y >> shift),
    nibble_floats(block.z >> shift),
    nibble_floats(block.w >> shift),
  );
}

// The lower halves of a word's four bytes. Bits in the mantissa of 2^23 are that number plus theirs, exactly, in one
// operation of bits; converting integers costs more.
fn nibble_floats(word: u32) -> vec4f {
  return vec4f(
    bitcast<f32>((word & 0xfu) | 0x4b000000u) - 8388608.0,
    bitcast<f32>((word & 0xf00u) | 0x4b000000u) * 0.00390625 - 32768.0,
    bitcast<f32>((word & 0xf0000u) | 0x4b000000u) * 0.0000152587890625 - 128.0,
    bitcast<f32>(((word >> 8) & 0xf0000u) | 0x4b000000u) * 0.0000152587890625 - 128.0,
  );
}

fn dot_half(block: vec4u, half: u32, x: mat4x4f) -> f32 {
  let w = decode_half(block, half);
  return dot(w[0], x[0]) + dot(w[1], x[1]) + dot(w[2], x[2]) + dot(w[3], x[3]);
}

// Word `index` of what is behind the blocks, for a row.
fn scale_word(row: u32, index: u32, rows: u32, blocks: u32) -> u32 {
  let at = 4 * rows * blocks + row * (1 + (blocks + 1) / 2) + index;
  return weights[at / 4][at % 4];
}

// Scale and minimum of a group: weight = row scale * (scale * stored + minimum).
fn block_scale(row: u32, block: u32, rows: u32, blocks: u32) -> vec2f {
  let bits = (scale_word(row, 1 + block / 2, rows, blocks) >> (16 * (block & 1))) & 0xffff;
  // Exponent 31 stands for 1: 127 for an f32.
  let scale = bitcast<f32>(((bits >> 5) << 17) + (96u << 23));
  return vec2f(scale, -0.5 * scale * f32(bits & 31));
}

fn row_scale(row: u32, rows: u32, blocks: u32) -> f32 {
  return bitcast<f32>(scale_word(row, 0, rows, blocks));
}
