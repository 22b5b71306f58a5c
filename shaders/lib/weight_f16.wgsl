// Weights of scheme f16: 8 in a block of 16 bytes, no scale. The kernel binds `weights: array<vec4u>`.
// unpack2x16float needs no device feature.

const HALVES: u32 = 1;  // parts that a block is decoded in
const BLOCK4: u32 = 2;  // vec4f's of weights in a half
const GROUPED: bool = false;

// The first BLOCK4 columns are the block's weights.
fn decode_half(block: vec4u, half: u32) -> mat4x4f {
  return mat4x4f(
    vec4f(unpack2x16float(block.x), unpack2x16float(block.y)),
    vec4f(unpack2x16float(block.z), unpack2x16float(block.w)),
    vec4f(),
    vec4f(),
  );
}

fn dot_half(block: vec4u, half: u32, x: mat4x4f) -> f32 {
  let w = decode_half(block, half);
  return dot(w[0], x[0]) + dot(w[1], x[1]);
}

fn block_scale(row: u32, block: u32, rows: u32, blocks: u32) -> vec2f {
  return vec2f(1.0, 0.0);
}

fn row_scale(row: u32, rows: u32, blocks: u32) -> f32 {
  return 1.0;
}
