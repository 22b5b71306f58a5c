// Tiles of matrix-matrix kernels on subgroup matrices, an experimental feature: 64 tokens by 128 rows of weights, 32 by 32 a
// subgroup of 32, of which a workgroup has 8. The kernel uses lib/write_sums.wgsl. The inner loop is that of the scheme.

alias Left = subgroup_matrix_left<i8, 32, 16>;
alias Right = subgroup_matrix_right<i8, 16, 32>;
alias Sums = subgroup_matrix_result<i32, 16, 16>;

const TILE_TOKENS: u32 = 64;
const TILE_ROWS: u32 = 128;

// Writes 16 tokens by 16 rows: a subgroup's sums of upper digits, and of lower ones. They pass through its share.
fn write_part(
  upper_sums: Sums, lower_sums: Sums, subgroup: u32, member: u32, first_t: u32, first_row: u32, tokens: u32, rows: u32,
) {
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&shares[subgroup], 0, upper_sums, 4);
  subgroupMatrixStore<row_major>(&shares[subgroup], 64, lower_sums, 4);
  workgroupBarrier();
  for (var pair = member; pair < 128; pair += 32) {
    let t = first_t + pair / 8;
    let row = first_row + pair % 8 * 2;
    if (t < tokens && row < rows) {
      let upper = shares[subgroup][pair / 2];
      let lower = shares[subgroup][64 + pair / 2];
      let sums = LOWER * vec4f(lower) + UPPER * vec4f(upper);
      write_pair(t, row, scales_of_pair(row) * (x_scale[t] * select(sums.xy, sums.zw, pair % 2 == 1)));
    }
  }
}
