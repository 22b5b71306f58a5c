// Weights of scheme f16: 8 in a block of 16 bytes, no scale. The kernel binds `weights: array<vec4u>`.
// unpack2x16float needs no device feature.

const BLOCK4: u32 = 2;  // vec4f's in a block

fn decode_block(block: vec4u) -> array<vec4f, BLOCK4> {
  return array<vec4f, BLOCK4>(
    vec4f(unpack2x16float(block.x), unpack2x16float(block.y)),
    vec4f(unpack2x16float(block.z), unpack2x16float(block.w)),
  );
}

fn dot_block(block: vec4u, x: array<vec4f, BLOCK4>) -> f32 {
  let w = decode_block(block);
  return dot(w[0], x[0]) + dot(w[1], x[1]);
}

fn row_scale(row: u32, rows: u32, blocks: u32) -> f32 {
  return 1.0;
}
