// Weights of scheme int8 as integers, for lib/matmul_int8.wgsl: a block of 16 bytes holds 16 columns, bytes that are
// integers already. Only rows have scales, which come behind the sums.

const STORED_BLOCKS: u32 = 1;  // blocks of 16 columns in a block of weights

// Block `part` of the 16 columns in a block of weights. `bits` are for schemes that have groups with a scale.
fn stored_integers(stored: vec4u, part: u32, bits: u32) -> vec4u {
  return stored;
}

fn group_bits(row: u32, block: u32, rows: u32, blocks: u32) -> u32 {
  return 0;
}

fn group_words(row: vec4u, block: u32, rows: u32, blocks: u32) -> GroupWords {
  return GroupWords();
}

fn group_scales(words: GroupWords, group: u32) -> vec4f {
  return vec4f();
}

fn no_dots() -> vec4i {
  return vec4i();
}

fn add_group(of_group: vec4f, dots: vec4i, scales: vec4f) -> vec4f {
  return of_group;
}

// The sums over a group of x.
fn group_sums(of_group: vec4f, dots: vec4i) -> vec4f {
  return vec4f(dots);
}
