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

// Of four tokens by four rows from t and row on, as far as there are such.
fn write_sums(first_t: u32, first: u32, sums: mat4x4f) {
  for (var j = 0u; j < 4 && first + j < params.rows; j += 2) {
    let scales = scales_of_pair(first + j);
    for (var i = 0u; i < 4 && first_t + i < step.tokens; i++) {
      write_pair(first_t + i, first + j, scales * vec2f(sums[i][j], sums[i][j + 1]));
    }
  }
}
