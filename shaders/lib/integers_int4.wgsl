// Weights of scheme int4 as integers: a block of 16 bytes holds 32 columns, a group. Its integers are 2 * stored - the zero
// point in halves, bytes of -31 .. 30: no minimum is left, and nothing to take off the sums. Each group is summed exactly, and
// scaled by what lib/weight_int4.wgsl says. The kernel uses that.

const STORED_BLOCKS: u32 = 2;  // blocks of 16 columns in a block of weights

// Block `part` of the 16 columns in a block of weights, which is a group that has these bits.
fn stored_integers(stored: vec4u, part: u32, bits: u32) -> vec4u {
  let doubled = select(stored << vec4u(1), stored >> vec4u(3), part == 1);
  // Four subtractions in a word: with its highest bit set, no byte borrows from the next.
  let zeros = vec4u((bits & 31) * 0x01010101);
  return (((doubled & vec4u(0x1e1e1e1e)) | vec4u(0x80808080)) - zeros) ^ vec4u(0x80808080);
}

fn group_bits(row: u32, block: u32, rows: u32, blocks: u32) -> u32 {
  return scale_word(row, 1 + block / 2, rows, blocks) >> (16 * (block & 1));
}

// Half the scales of four groups that have these bits in the lower 16, as the integers are doubled: 126 for an f32 is one half.
fn half_scales(bits: vec4u) -> vec4f {
  return bitcast<vec4f>((((bits >> vec4u(5)) & vec4u(0x7ff)) << vec4u(17)) + vec4u(95u << 23));
}
