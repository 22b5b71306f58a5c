// Floats as unsigned integers of the same order, from their bits alone: arithmetic may not meet NaN or infinity.
// The key 0 stands for NaN and -infinity: such a token is never chosen. -0 has the key of 0.

fn sort_key(bits: u32) -> u32 {
  if ((bits & 0x7fffffff) > 0x7f800000 || bits == 0xff800000) {
    return 0;
  }
  let magnitude = bits & 0x7fffffff;
  return select(magnitude + 0x80000000, 0x80000000 - magnitude, bits >> 31 == 1);
}

// The float of a key other than 0; infinity becomes the largest finite number.
fn sort_key_value(key: u32) -> f32 {
  let negative = key < 0x80000000;
  let magnitude = min(select(key - 0x80000000, 0x80000000 - key, negative), 0x7f7fffff);
  return bitcast<f32>(magnitude | select(0u, 0x80000000u, negative));
}
