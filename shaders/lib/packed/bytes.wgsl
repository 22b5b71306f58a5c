// lib/bytes.wgsl for languages with packed_4x8_integer_dot_product, where a product of four bytes is one instruction.

fn unpack_bytes(word: u32) -> vec4i {
  return unpack4xI8(word);
}

fn pack_bytes(values: vec4i) -> u32 {
  return pack4xI8(values);
}

fn dot_bytes(a: u32, b: u32) -> i32 {
  return dot4I8Packed(a, b);
}
