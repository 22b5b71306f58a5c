// Weights of scheme f16: 8 in a block of 16 bytes, no scale. The kernel binds `weights: array<vec4u>`.
// unpack2x16float needs no device feature.

const BLOCK4: u32 = 2;  // vec4f's in a block

// The first BLOCK4 columns are the block's weights.
fn decode_block(block: vec4u) -> mat4x4f {
  return mat4x4f(
    vec4f(unpack2x16float(block.x), unpack2x16float(block.y)),
    vec4f(unpack2x16float(block.z), unpack2x16float(block.w)),
    vec4f(),
    vec4f(),
  );
}

fn dot_block(block: vec4u, x: mat4x4f) -> f32 {
  let w = decode_block(block);
  return dot(w[0], x[0]) + dot(w[1], x[1]);
}

fn row_scale(row: u32, rows: u32, blocks: u32) -> f32 {
  return 1.0;
}
