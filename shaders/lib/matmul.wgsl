// The inner loop of all matrix-matrix kernels: a tile of 4*LANES_T*QUADS tokens by 64 rows of weights.
// The kernel binds `x: array<vec4f>` (T, columns) and `weights: array<vec4u>` (rows, columns), overrides LANES_T and
// QUADS, its workgroup size being LANES_T * 16 / QUADS, and has `write_sums(t, row, sums)` for quads of 4 tokens by 4 rows,
// of which an invocation has QUADS * QUADS. `elem` is f32, or f16 on devices that have it, for the tiles alone: products
// are summed in f32.

const STEP4: u32 = 4;       // vec4f's of columns in a step: 16 columns
const TILE_ROWS: u32 = 64;
const ROW_QUADS: u32 = 16;  // of a tile

// Column by column: (16, tokens / 4) of four tokens each, (16, rows / 4) of four rows each.
var<workgroup> x_tile: array<vec4<elem>, 4 * STEP4 * LANES_T * QUADS>;
var<workgroup> w_tile: array<vec4<elem>, 4 * STEP4 * ROW_QUADS>;

// Sums of tokens (first digit) and rows (second): column i of a matrix is a token, row j a row of weights.
struct Sums {
  s00: mat4x4f,
  s01: mat4x4f,
  s10: mat4x4f,
  s11: mat4x4f,
}

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

fn add_products(sums: mat4x4f, x4: vec4f, w4: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(x4.x), w4, sums[0]),
    fma(vec4f(x4.y), w4, sums[1]),
    fma(vec4f(x4.z), w4, sums[2]),
    fma(vec4f(x4.w), w4, sums[3]),
  );
}

// One column of the tiles.
fn add_column(sums: ptr<function, Sums>, x_at: u32, w_at: u32) {
  let x0 = vec4f(x_tile[x_at]);
  let w0 = vec4f(w_tile[w_at]);
  (*sums).s00 = add_products((*sums).s00, x0, w0);
  if (QUADS > 1) {
    let x1 = vec4f(x_tile[x_at + LANES_T]);
    let w1 = vec4f(w_tile[w_at + ROW_QUADS / QUADS]);
    (*sums).s01 = add_products((*sums).s01, x0, w1);
    (*sums).s10 = add_products((*sums).s10, x1, w0);
    (*sums).s11 = add_products((*sums).s11, x1, w1);
  }
}

// Computes and writes the tile of a workgroup. Rows, tokens and columns behind the last are read as the last; only the
// columns count, and their weights become zero.
fn matmul_tile(lane: u32, workgroup: vec3u, tokens: u32, rows: u32, blocks: u32, columns4: u32) {
  let lanes = LANES_T * ROW_QUADS / QUADS;
  let lanes_r = ROW_QUADS / QUADS;
  let lane_t = lane / lanes_r;
  let lane_r = lane % lanes_r;
  let x_quads = LANES_T * QUADS;
  let first_t = workgroup.y * 4 * x_quads;
  let first_row = workgroup.x * TILE_ROWS;
  // An invocation fills a quad of a tile: 4 tokens or rows by 4 columns. Where there are enough, others fill the weights'.
  let x_units = STEP4 * x_quads;
  let w_unit = lane - select(0, x_units, lanes >= x_units + STEP4 * ROW_QUADS);
  var sums = Sums();
  for (var column = 0u; column < columns4; column += STEP4) {
    // The column of quads rotates places (^), so that invocations side by side hit different banks.
    if (lane < x_units) {
      let at = min(column + lane % STEP4, columns4 - 1);
      let t = first_t + lane / STEP4 * 4;
      let quad = transpose(mat4x4f(
        x[min(t, tokens - 1) * columns4 + at],
        x[min(t + 1, tokens - 1) * columns4 + at],
        x[min(t + 2, tokens - 1) * columns4 + at],
        x[min(t + 3, tokens - 1) * columns4 + at],
      ));
      let slot = lane % STEP4 * 4 * x_quads + ((lane / STEP4) ^ (lane % STEP4 * 2 % x_quads));
      for (var k = 0u; k < 4; k++) {
        x_tile[slot + k * x_quads] = vec4<elem>(quad[k]);
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
      let x_at = k4 * 4 * x_quads + (lane_t ^ (k4 * 2 % x_quads));
      let w_at = k4 * 4 * ROW_QUADS + (lane_r ^ (k4 * 2));
      add_column(&sums, x_at, w_at);
      add_column(&sums, x_at + x_quads, w_at + ROW_QUADS);
      add_column(&sums, x_at + 2 * x_quads, w_at + 2 * ROW_QUADS);
      add_column(&sums, x_at + 3 * x_quads, w_at + 3 * ROW_QUADS);
    }
    workgroupBarrier();
  }
  let t = first_t + 4 * lane_t;
  let row = first_row + 4 * lane_r;
  write_sums(t, row, sums.s00);
  if (QUADS > 1) {
    write_sums(t, row + 4 * lanes_r, sums.s01);
    write_sums(t + 4 * LANES_T, row, sums.s10);
    write_sums(t + 4 * LANES_T, row + 4 * lanes_r, sums.s11);
  }
}
