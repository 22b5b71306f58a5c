// The inner loop of all matrix-matrix kernels: a tile of 4*LANES_T tokens by 64 rows of weights, four by four an
// invocation. The kernel binds `x: array<vec4f>` of rows of columns and `weights: array<vec4u>` (rows, columns), overrides
// LANES_T, its workgroup size being 16 * LANES_T, and has `x_row(t)` for the row of x that is token t's, some row of x
// also for tokens behind the last, and `write_sums(t, row, sums)` for the four tokens and rows from t and row on.
// `elem` is f32, or f16 on devices that have it, for the tiles alone: products are summed in f32.
//
// Tried     Eight by eight an invocation: 31 TFLOP/s instead of 29 on an H100 for the widest matrices, 18 instead of 25
//           for those of 4,096 rows. With the sums behind a pointer to a struct: 7.

const STEP4: u32 = 4;       // vec4f's of columns in a step: 16 columns
const TILE_ROWS: u32 = 64;
const ROW_QUADS: u32 = 16;  // of a tile

// Column by column: (16, tokens / 4) of four tokens each, (16, rows / 4) of four rows each.
var<workgroup> x_tile: array<vec4<elem>, 4 * STEP4 * LANES_T>;
var<workgroup> w_tile: array<vec4<elem>, 4 * STEP4 * ROW_QUADS>;

// Weights 4*column4 .. 4*column4 + 3 of a row. Only the words that hold them are read and decoded: as the first of a block.
fn weights_at(row: u32, column4: u32, rows: u32, blocks: u32) -> vec4f {
  let block = column4 / (BLOCK4 * HALVES);
  let half = column4 / BLOCK4 % HALVES;
  let index = row * blocks + block;
  var stored = vec4u();
  if (BLOCK4 == 4) {
    stored.x = weights[index][column4 % 4];
  } else if (BLOCK4 == 2) {
    stored.x = weights[index][column4 % 2 * 2];
    stored.y = weights[index][column4 % 2 * 2 + 1];
  } else {
    stored = weights[index];
  }
  let values = decode_half(stored, half)[0];
  if (GROUPED) {
    let scale = block_scale(row, block, rows, blocks);
    return scale.x * values + scale.y;
  }
  return values;
}

// One column of the tiles: column i of the sums is a token, row j a row of weights.
fn add_column(sums: mat4x4f, x_at: u32, w_at: u32) -> mat4x4f {
  let x4 = vec4f(x_tile[x_at]);
  let w4 = vec4f(w_tile[w_at]);
  return mat4x4f(
    fma(vec4f(x4.x), w4, sums[0]),
    fma(vec4f(x4.y), w4, sums[1]),
    fma(vec4f(x4.z), w4, sums[2]),
    fma(vec4f(x4.w), w4, sums[3]),
  );
}

// Computes and writes the tile of a workgroup. Rows and columns behind the last are read as the last; only the columns
// count, and their weights become zero.
fn matmul_tile(lane: u32, first_t: u32, first_row: u32, rows: u32, blocks: u32, columns4: u32) {
  let lane_t = lane / ROW_QUADS;
  let lane_r = lane % ROW_QUADS;
  // An invocation fills a quad of a tile: 4 tokens or rows by 4 columns. Where there are enough, others fill the weights'.
  let x_units = STEP4 * LANES_T;
  let w_unit = lane - select(0, x_units, LANES_T * ROW_QUADS >= x_units + STEP4 * ROW_QUADS);
  var x_base = vec4u();
  if (lane < x_units) {
    let t = first_t + lane / STEP4 * 4;
    x_base = vec4u(x_row(t), x_row(t + 1), x_row(t + 2), x_row(t + 3)) * columns4;
  }
  var sums = mat4x4f();
  for (var column = 0u; column < columns4; column += STEP4) {
    // The column of quads rotates places (^), so that invocations side by side hit different banks.
    if (lane < x_units) {
      let at = x_base + min(column + lane % STEP4, columns4 - 1);
      let quad = transpose(mat4x4f(x[at.x], x[at.y], x[at.z], x[at.w]));
      let slot = lane % STEP4 * 4 * LANES_T + ((lane / STEP4) ^ (lane % STEP4 * 2 % LANES_T));
      for (var k = 0u; k < 4; k++) {
        x_tile[slot + k * LANES_T] = vec4<elem>(quad[k]);
      }
    }
    if (w_unit < STEP4 * ROW_QUADS) {
      let at = column + w_unit % STEP4;
      let row = first_row + w_unit / STEP4 * 4;
      var quad = mat4x4f();
      if (at < columns4) {
        quad = transpose(mat4x4f(
          weights_at(min(row, rows - 1), at, rows, blocks),
          weights_at(min(row + 1, rows - 1), at, rows, blocks),
          weights_at(min(row + 2, rows - 1), at, rows, blocks),
          weights_at(min(row + 3, rows - 1), at, rows, blocks),
        ));
      }
      let slot = w_unit % STEP4 * 4 * ROW_QUADS + ((w_unit / STEP4) ^ (w_unit % STEP4 * 2));
      for (var k = 0u; k < 4; k++) {
        w_tile[slot + k * ROW_QUADS] = vec4<elem>(quad[k]);
      }
    }
    workgroupBarrier();
    for (var k4 = 0u; k4 < STEP4; k4++) {
      let x_at = k4 * 4 * LANES_T + (lane_t ^ (k4 * 2 % LANES_T));
      let w_at = k4 * 4 * ROW_QUADS + (lane_r ^ (k4 * 2));
      sums = add_column(sums, x_at, w_at);
      sums = add_column(sums, x_at + LANES_T, w_at + ROW_QUADS);
      sums = add_column(sums, x_at + 2 * LANES_T, w_at + 2 * ROW_QUADS);
      sums = add_column(sums, x_at + 3 * LANES_T, w_at + 3 * ROW_QUADS);
    }
    workgroupBarrier();
  }
  write_sums(first_t + 4 * lane_t, first_row + 4 * lane_r, sums);
}
