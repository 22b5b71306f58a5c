// The end of a product of lib/columns.wgsl whose sums are added to the streams of the sequences, on their way into a norm, as
// lib/to_norm.wgsl does for one. The kernel binds `x`, `h` and `x_squares` read_write and `norm_weight`, has in Params
// `rows`, `first_row`, `blocks`, and `x_stride`, `h_stride` and `x_squares_stride`, from a sequence to the next, and
// column_factor, and uses lib/scales.wgsl.

// Adds up the sums of a workgroup's rows, from `group_first` on, and adds them. Every invocation must call.
fn add_columns_to_norm(sums: Columns, group_first: u32, lane: u32) {
  let sum = column_sum(sums, lane);
  let first = group_first + 4 * (lane % TEAMS);
  let column = lane / TEAMS;
  if (column >= COLUMNS || first >= params.rows) {
    return;
  }
  let added = sum * four_scales(first, params.rows, params.blocks) * column_factor(column);
  let row4 = (params.first_row + first) / 4;
  let value = x[column * params.x_stride + row4] + added;
  x[column * params.x_stride + row4] = value;
  h[column * params.h_stride + row4] = value * norm_weight[row4];
  x_squares[column * params.x_squares_stride + row4] = dot(value, value);
}
