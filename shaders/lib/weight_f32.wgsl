// Weights of scheme f32: 4 in a block of 16 bytes, no scale. The kernel binds `weights: array<vec4u>`.

const BLOCK4: u32 = 1;  // vec4f's in a block

fn decode_block(block: vec4u) -> array<vec4f, BLOCK4> {
  return array<vec4f, BLOCK4>(bitcast<vec4f>(block));
}

fn dot_block(block: vec4u, x: array<vec4f, BLOCK4>) -> f32 {
  return dot(bitcast<vec4f>(block), x[0]);
}

fn row_scale(row: u32, rows: u32, blocks: u32) -> f32 {
  return 1.0;
}
