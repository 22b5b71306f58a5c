// Words of four signed bytes, the first in the lowest bits, for languages without packed_4x8_integer_dot_product:
// lib/packed has the same for those that have it.

fn unpack_bytes(word: u32) -> vec4i {
  return vec4i(vec4u(word) << vec4u(24, 16, 8, 0)) >> vec4u(24);
}

fn pack_bytes(values: vec4i) -> u32 {
  let bytes = (vec4u(values) & vec4u(255)) << vec4u(0, 8, 16, 24);
  return bytes.x | bytes.y | bytes.z | bytes.w;
}

fn dot_bytes(a: u32, b: u32) -> i32 {
  return dot(unpack_bytes(a), unpack_bytes(b));
}
