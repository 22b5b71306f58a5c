// The end of a product of lib/columns.wgsl whose sums become elements of y by lib/action.wgsl. The kernel has in
// Params `rows`, `first_row`, `blocks`, `scale` and `y_stride`, from a sequence's y to the next, in f32, and column_factor.

// Adds up the sums of a workgroup's rows, from `group_first` on, and writes them. Every invocation must call.
fn put_columns(sums: Columns, group_first: u32, lane: u32) {
  let sum = column_sum(sums, lane);
  let first = group_first + 4 * (lane % TEAMS);
  let column = lane / TEAMS;
  if (column >= COLUMNS) {
    return;
  }
  let factor = params.scale * column_factor(column);
  for (var j = 0u; j < 4 && first + j < params.rows; j += 2) {
    let scales = factor * pair_scales(first + j, params.rows, params.blocks);
    let pair = scales * select(sum.xy, sum.zw, j == 2);
    put_pair(column * params.y_stride, params.first_row + first + j, first + j + 1 < params.rows, pair);
  }
}
