// The inner loop of matrix-matrix kernels on integers: a tile of 4*LANES_T tokens by 64 rows of weights of scheme
// int8. The kernel binds `x: array<vec4u>` (T, blocks), `x_scale: array<f32>` (T, groups) as quantize_rows leaves them, and
// `weights: array<vec4u>` (rows, blocks). Override, workgroup and `write_sums` are those of lib/matmul.wgsl. Products are
// summed exactly over a group of columns, which shares a scale of x, and groups in f32.

const STEP: u32 = 4;          // blocks of 16 columns in a step
const GROUP_BLOCKS: u32 = 8;  // of 16 columns: as in quantize_rows
const TILE_ROWS: u32 = 64;
const ROW_QUADS: u32 = 16;    // of a tile

// Word by word (4 columns): (16, tokens / 4) of four tokens each, (16, rows / 4) of four rows each.
var<workgroup> x_tile: array<vec4u, 4 * STEP * LANES_T>;
var<workgroup> w_tile: array<vec4u, 4 * STEP * ROW_QUADS>;

// Of four tokens (a member each) by four rows.
struct Dots {
  t0: vec4i,
  t1: vec4i,
  t2: vec4i,
  t3: vec4i,
}

fn dot_rows(x1: u32, w4: vec4u) -> vec4i {
  return vec4i(
    dot4I8Packed(x1, w4.x),
    dot4I8Packed(x1, w4.y),
    dot4I8Packed(x1, w4.z),
    dot4I8Packed(x1, w4.w),
  );
}

// One word of the tiles.
fn add_word(dots: Dots, x_at: u32, w_at: u32) -> Dots {
  let x4 = x_tile[x_at];
  let w4 = w_tile[w_at];
  return Dots(
    dots.t0 + dot_rows(x4.x, w4),
    dots.t1 + dot_rows(x4.y, w4),
    dots.t2 + dot_rows(x4.z, w4),
    dots.t3 + dot_rows(x4.w, w4),
  );
}

// Scales of tokens t .. t + 3 in a group.
fn scales_at(t: u32, tokens: u32, group: u32, groups: u32) -> vec4f {
  return vec4f(
    x_scale[min(t, tokens - 1) * groups + group],
    x_scale[min(t + 1, tokens - 1) * groups + group],
    x_scale[min(t + 2, tokens - 1) * groups + group],
    x_scale[min(t + 3, tokens - 1) * groups + group],
  );
}

fn add_scaled(sums: mat4x4f, scales: vec4f, dots: Dots) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(scales.x), vec4f(dots.t0), sums[0]),
    fma(vec4f(scales.y), vec4f(dots.t1), sums[1]),
    fma(vec4f(scales.z), vec4f(dots.t2), sums[2]),
    fma(vec4f(scales.w), vec4f(dots.t3), sums[3]),
  );
}

// Reads the steps' tiles. Rows and tokens behind the last are read as the last; blocks behind the last count as zeros.
fn load_tiles(
  lane: u32, first_t: u32, tokens: u32, first_row: u32, rows: u32, block: u32, blocks: u32,
) {
  // An invocation fills a quad of a tile: 4 tokens or rows by a block. Where there are enough, others fill the weights'.
  let x_units = STEP * LANES_T;
  let w_unit = lane - select(0, x_units, LANES_T * ROW_QUADS >= x_units + STEP * ROW_QUADS);
  // The block of quads rotates places (^), so that invocations side by side hit different banks.
  if (lane < x_units) {
    let at = min(block + lane % STEP, blocks - 1);
    let t = first_t + lane / STEP * 4;
    let a = x[min(t, tokens - 1) * blocks + at];
    let b = x[min(t + 1, tokens - 1) * blocks + at];
    let c = x[min(t + 2, tokens - 1) * blocks + at];
    let d = x[min(t + 3, tokens - 1) * blocks + at];
    let slot = lane % STEP * 4 * LANES_T + ((lane / STEP) ^ (lane % STEP * 2 % LANES_T));
    x_tile[slot] = vec4u(a.x, b.x, c.x, d.x);
    x_tile[slot + LANES_T] = vec4u(a.y, b.y, c.y, d.y);
    x_tile[slot + 2 * LANES_T] = vec4u(a.z, b.z, c.z, d.z);
    x_tile[slot + 3 * LANES_T] = vec4u(a.w, b.w, c.w, d.w);
  }
  if (w_unit < STEP * ROW_QUADS) {
    let at = block + w_unit % STEP;
    let row = first_row + w_unit / STEP * 4;
    var a = vec4u();
    var b = vec4u();
    var c = vec4u();
    var d = vec4u();
    if (at < blocks) {
      a = weights[min(row, rows - 1) * blocks + at];
      b = weights[min(row + 1, rows - 1) * blocks + at];
      c = weights[min(row + 2, rows - 1) * blocks + at];
      d = weights[min(row + 3, rows - 1) * blocks + at];
    }
    let slot = w_unit % STEP * 4 * ROW_QUADS + ((w_unit / STEP) ^ (w_unit % STEP * 2));
    w_tile[slot] = vec4u(a.x, b.x, c.x, d.x);
    w_tile[slot + ROW_QUADS] = vec4u(a.y, b.y, c.y, d.y);
    w_tile[slot + 2 * ROW_QUADS] = vec4u(a.z, b.z, c.z, d.z);
    w_tile[slot + 3 * ROW_QUADS] = vec4u(a.w, b.w, c.w, d.w);
  }
}

// Computes and writes the tile of a workgroup.
fn matmul_tile(lane: u32, workgroup: vec3u, tokens: u32, rows: u32, blocks: u32) {
  let lane_t = lane / ROW_QUADS;
  let lane_r = lane % ROW_QUADS;
  let first_t = workgroup.y * 4 * LANES_T;
  let first_row = workgroup.x * TILE_ROWS;
  let t = first_t + 4 * lane_t;
  let row = first_row + 4 * lane_r;
  let groups = (blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS;
  var sums = mat4x4f();
  for (var group = 0u; group < groups; group++) {
    var dots = Dots();
    let end = min((group + 1) * GROUP_BLOCKS, blocks);
    for (var block = group * GROUP_BLOCKS; block < end; block += STEP) {
      load_tiles(lane, first_t, tokens, first_row, rows, block, blocks);
      workgroupBarrier();
      for (var k4 = 0u; k4 < STEP; k4++) {
        let x_at = k4 * 4 * LANES_T + (lane_t ^ (k4 * 2 % LANES_T));
        let w_at = k4 * 4 * ROW_QUADS + (lane_r ^ (k4 * 2));
        dots = add_word(dots, x_at, w_at);
        dots = add_word(dots, x_at + LANES_T, w_at + ROW_QUADS);
        dots = add_word(dots, x_at + 2 * LANES_T, w_at + 2 * ROW_QUADS);
        dots = add_word(dots, x_at + 3 * LANES_T, w_at + 3 * ROW_QUADS);
      }
      workgroupBarrier();
    }
    sums = add_scaled(sums, scales_at(t, tokens, group, groups), dots);
  }
  write_sums(t, row, sums);
}
