// The inner loop of all matrix-matrix kernels: a tile of 4*LANES_T tokens by 64 rows of weights.
// The kernel binds `x: array<vec4f>` (T, columns) and `weights: array<vec4u>` (rows, columns) and overrides LANES_T,
// its workgroup size being 16 * LANES_T. `elem` is f32, or f16 on devices that have it, for the tiles alone:
// products are summed in f32.

const STEP4: u32 = 4;    // vec4f's of columns in a step: 16 columns
const PITCH: u32 = 5;    // of a tile's row, in vec4: one more than STEP4, so that lanes hit different banks
const TILE_ROWS: u32 = 64;

var<workgroup> x_tile: array<vec4<elem>, LANES_T * 4 * PITCH>;
var<workgroup> w_tile: array<vec4<elem>, TILE_ROWS * PITCH>;

// Row of the weights (within the tile) that lane column `lane_r` holds as its j-th: pairs of neighbours stay together,
// so that a gate row and its up row meet in one invocation.
fn tile_row(lane_r: u32, j: u32) -> u32 {
  return 2 * lane_r + (j & 1) + 32 * (j >> 1);
}

// Where a row of the tile is kept: slot lane_r + 16 * j.
fn tile_slot(row: u32) -> u32 {
  return (row & 31) / 2 + 16 * (row & 1) + 32 * (row >> 5);
}

// Dot products of tokens first_t + lane/16 + LANES_T * i (i = 0..3) and rows first_row + tile_row(lane % 16, j), j = 0..3.
fn matmul_tile(
  lane: u32, first_t: u32, tokens: u32, first_row: u32, rows: u32, blocks: u32, columns4: u32,
) -> mat4x4f {
  let lane_t = lane / 16;
  let lane_r = lane % 16;
  var sum = mat4x4f();  // column i: the token, row j: the row of weights
  for (var column = 0u; column < columns4; column += STEP4) {
    for (var index = lane; index < LANES_T * 4 * STEP4; index += LANES_T * 16) {
      let t = first_t + index / STEP4;
      let at = column + index % STEP4;
      var value = vec4f();
      if (t < tokens && at < columns4) {
        value = x[t * columns4 + at];
      }
      x_tile[(index / STEP4) * PITCH + index % STEP4] = vec4<elem>(value);
    }
    let row_halves = STEP4 / BLOCK4;
    for (var index = lane; index < TILE_ROWS * row_halves; index += LANES_T * 16) {
      let row = index / row_halves;
      let half = column / BLOCK4 + index % row_halves;  // of all of the row
      let block = half / HALVES;
      var values = mat4x4f();
      if (first_row + row < rows && block < blocks) {
        values = decode_half(weights[(first_row + row) * blocks + block], half % HALVES);
        if (GROUPED) {
          let scale = block_scale(first_row + row, block, rows, blocks);
          let minimum = vec4f(scale.y);
          values = scale.x * values + mat4x4f(minimum, minimum, minimum, minimum);
        }
      }
      let at = tile_slot(row) * PITCH + (index % row_halves) * BLOCK4;
      w_tile[at] = vec4<elem>(values[0]);
      if (BLOCK4 > 1) {
        w_tile[at + 1] = vec4<elem>(values[1]);
      }
      if (BLOCK4 > 2) {
        w_tile[at + 2] = vec4<elem>(values[2]);
        w_tile[at + 3] = vec4<elem>(values[3]);
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < STEP4; k++) {
      let w = mat4x4f(
        vec4f(w_tile[lane_r * PITCH + k]),
        vec4f(w_tile[(lane_r + 16) * PITCH + k]),
        vec4f(w_tile[(lane_r + 32) * PITCH + k]),
        vec4f(w_tile[(lane_r + 48) * PITCH + k]),
      );
      let x0 = vec4f(x_tile[lane_t * PITCH + k]);
      let x1 = vec4f(x_tile[(lane_t + LANES_T) * PITCH + k]);
      let x2 = vec4f(x_tile[(lane_t + 2 * LANES_T) * PITCH + k]);
      let x3 = vec4f(x_tile[(lane_t + 3 * LANES_T) * PITCH + k]);
      sum += mat4x4f(x0 * w, x1 * w, x2 * w, x3 * w);
    }
    workgroupBarrier();
  }
  return sum;
}
