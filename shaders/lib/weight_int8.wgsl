// Weights of scheme int8: 16 in a block of 16 bytes, one f32 scale a row behind all blocks of the matrix.
// The kernel binds `weights: array<vec4u>`.

const HALVES: u32 = 1;  // parts that a block is decoded in
const BLOCK4: u32 = 4;  // vec4f's of weights in a half
const GROUPED: bool = false;

// Its columns are the block's weights.
fn decode_half(block: vec4u, half: u32) -> mat4x4f {
  return mat4x4f(int8_floats(block.x), int8_floats(block.y), int8_floats(block.z), int8_floats(block.w));
}

// The four int8 of a word. A byte in the mantissa of 2^23 is the number 2^23 + byte, exactly, in one operation of bits;
// the sign bit flipped, a byte is the number + 128. Converting integers costs more, on GPUs too.
fn int8_floats(word: u32) -> vec4f {
  let biased = word ^ 0x80808080u;
  let low = vec2u(biased, biased >> 16);
  return vec4f(
    bitcast<f32>((low.x & 0xffu) | 0x4b000000u) - 8388736.0,
    bitcast<f32>((low.x & 0xff00u) | 0x4b000000u) * 0.00390625 - 32896.0,
    bitcast<f32>((low.y & 0xffu) | 0x4b000000u) - 8388736.0,
    bitcast<f32>((low.y & 0xff00u) | 0x4b000000u) * 0.00390625 - 32896.0,
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
