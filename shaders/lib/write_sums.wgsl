// Where a product over many tokens leaves its sums: those of token t in row t of y, columns first_row .. first_row + rows, or
// half as many where lib/action.wgsl makes one of two. The kernel has `step`, and in Params `rows`, `first_row`, `blocks`,
// `stride` of y and `scale` of all sums.

fn scales_of_pair(row: u32) -> vec2f {
  return params.scale * pair_scales(row, params.rows, params.blocks);
}

// Of one token by two rows.
fn write_pair(t: u32, row: u32, sums: vec2f) {
  put_pair(t * params.stride, params.first_row + row, row + 1 < params.rows, sums);
}

// Of one token by the four rows from `first` on, as far as there are such.
fn write_sums(t: u32, first: u32, sums: vec4f) {
  if (t >= step.tokens) {
    return;
  }
  for (var j = 0u; j < 4 && first + j < params.rows; j += 2) {
    write_pair(t, first + j, scales_of_pair(first + j) * vec2f(sums[j], sums[j + 1]));
  }
}
