// Rotary embedding of a head of qkv. The kernel overrides HEAD_DIM4, binds `qkv: array<f32>` and `rope: array<vec2f>` of
// (positions, dims/2) cos and sin, and has `params.rope_dims`.

// Element i of the head that begins at `at`, rotated to its position.
fn rotated(at: u32, i: u32, position: u32) -> f32 {
  let value = qkv[at + i];
  if (i >= params.rope_dims) {
    return value;
  }
  let half = params.rope_dims / 2;
  let low = i < half;
  let turn = rope[position * half + select(i - half, i, low)];
  let other = qkv[at + select(i - half, i + half, low)];
  return value * turn.x + select(other, -other, low) * turn.y;
}

fn rotated4(at: u32, d4: u32, position: u32) -> vec4f {
  return vec4f(
    rotated(at, d4 * 4, position),
    rotated(at, d4 * 4 + 1, position),
    rotated(at, d4 * 4 + 2, position),
    rotated(at, d4 * 4 + 3, position),
  );
}

// The same, where `turns`; else as it is.
fn head4(at: u32, d4: u32, position: u32, turns: bool) -> vec4f {
  if (turns) {
    return rotated4(at, d4, position);
  }
  let first = at + d4 * 4;
  return vec4f(qkv[first], qkv[first + 1], qkv[first + 2], qkv[first + 3]);
}
