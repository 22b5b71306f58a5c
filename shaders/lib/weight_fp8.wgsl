// Weights of scheme fp8 (E4M3FN: s eeee mmm, bias 7): 16 in a block of 16 bytes, one f32 scale a row behind all
// blocks of the matrix. The kernel binds `weights: array<vec4u>`.

const HALVES: u32 = 1;  // parts that a block is decoded in
const BLOCK4: u32 = 4;  // vec4f's of weights in a half
const GROUPED: bool = false;

// Four bytes.
fn decode_word(word: u32) -> vec4f {
  return vec4f(decode_top(word << 24), decode_top(word << 16), decode_top(word << 8), decode_top(word));
}

// The upper byte of a word. Normal numbers get their exponent rebased to f32's. A subnormal m/8 * 2^-6 becomes (1 + m/8) *
// 2^-6 less 2^-6: never a subnormal f32 or f16, which a GPU may flush to zero.
fn decode_top(word: u32) -> f32 {
  let magnitude = (word >> 4) & 0x07f00000u;
  let subnormal = magnitude < 0x00800000u;
  let value = bitcast<f32>(magnitude + select(0x3c000000u, 0x3c800000u, subnormal)) - select(0.0, 0.015625, subnormal);
  return bitcast<f32>(bitcast<u32>(value) | (word & 0x80000000u));
}

// Its columns are the block's weights.
fn decode_half(block: vec4u, half: u32) -> mat4x4f {
  return mat4x4f(
    decode_word(block.x),
    decode_word(block.y),
    decode_word(block.z),
    decode_word(block.w),
  );
}

fn dot_half(block: vec4u, half: u32, x: mat4x4f) -> f32 {
  let w = decode_half(block, half);
  return dot(w[0], x[0]) + dot(w[1], x[1]) + dot(w[2], x[2]) + dot(w[3], x[3]);
}

fn block_scale(row: u32, block: u32, rows: u32, blocks: u32) -> vec2f {
  return vec2f(1.0, 0.0);
}

fn row_scale(row: u32, rows: u32, blocks: u32) -> f32 {
  return bitcast<f32>(weights[rows * blocks + row / 4][row % 4]);
}
