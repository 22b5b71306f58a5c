// Weights of scheme f32: 4 in a block of 16 bytes, no scale. The kernel binds `weights: array<vec4u>`.

const BLOCK4: u32 = 1;  // vec4f's in a block

// The first BLOCK4 columns are the block's weights.
fn decode_block(block: vec4u) -> mat4x4f {
  return mat4x4f(bitcast<vec4f>(block), vec4f(), vec4f(), vec4f());
}

fn dot_block(block: vec4u, x: mat4x4f) -> f32 {
  return dot(bitcast<vec4f>(block), x[0]);
}

fn row_scale(row: u32, rows: u32, blocks: u32) -> f32 {
  return 1.0;
}
