// Weights of scheme fp8 (E4M3FN: s eeee mmm, bias 7): 16 in a block of 16 bytes, one f32 scale a row behind all
// blocks of the matrix. The kernel binds `weights: array<vec4u>`.

const HALVES: u32 = 1;  // parts that a block is decoded in
const BLOCK4: u32 = 4;  // vec4f's of weights in a half
const GROUPED: bool = false;

// Four bytes. Normal numbers get their exponent rebased to f32's; subnormals are made from the mantissa,
// never through a subnormal f32 or f16, which a GPU may flush to zero.
fn decode_word(word: u32) -> vec4f {
  let bytes = (vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(0xff);
  let magnitude = bytes & vec4u(0x7f);
  let normal = bitcast<vec4f>((magnitude << vec4u(20)) + vec4u(120u << 23));
  let value = select(normal, vec4f(magnitude) * 0.001953125, magnitude < vec4u(8));
  return select(value, -value, bytes > vec4u(0x7f));
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
