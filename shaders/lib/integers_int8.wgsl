// Weights of scheme int8 as integers: a block of 16 bytes holds 16 columns, bytes that are integers already. Only rows have
// scales, which come behind the sums.

const STORED_BLOCKS: u32 = 1;  // blocks of 16 columns in a block of weights

// Block `part` of the 16 columns in a block of weights. `bits` are for schemes that have groups with a scale.
fn stored_integers(stored: vec4u, part: u32, bits: u32) -> vec4u {
  return stored;
}

fn group_bits(row: u32, block: u32, rows: u32, blocks: u32) -> u32 {
  return 0;
}

fn half_scales(bits: vec4u) -> vec4f {
  return vec4f();
}
