// Scales of the rows that a product has summed together. The kernel uses lib/weight.wgsl.

// Those of rows first .. first + 3.
fn four_scales(first: u32, rows: u32, blocks: u32) -> vec4f {
  return vec4f(
    row_scale(first, rows, blocks),
    row_scale(first + 1, rows, blocks),
    row_scale(first + 2, rows, blocks),
    row_scale(first + 3, rows, blocks),
  );
}
