// The inner loop of matrix-matrix kernels on integers: a tile of 4*LANES_T tokens by 64 rows of weights, of a scheme that
// has a file lib/stored. The kernel binds `x: array<vec4u>` (T, x_blocks) and `x_scale: array<f32>` (T, groups) as
// quantize_rows leaves them, and `weights: array<vec4u>` (rows, blocks). Override, workgroup and `write_sums` are those of
// lib/matmul.wgsl. Products are summed exactly over columns that share all scales: a group of x, or of weights that have
// smaller ones. Beyond, sums are in f32.

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

// A block of 16 columns of each of four rows.
struct Quad {
  a: vec4u,
  b: vec4u,
  c: vec4u,
  d: vec4u,
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

fn add_scaled(sums: mat4x4f, scales: vec4f, of_group: mat4x4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(scales.x), of_group[0], sums[0]),
    fma(vec4f(scales.y), of_group[1], sums[1]),
    fma(vec4f(scales.z), of_group[2], sums[2]),
    fma(vec4f(scales.w), of_group[3], sums[3]),
  );
}

// Reads the steps' tiles. Rows and tokens behind the last are read as the last; blocks behind the last count as zeros.
fn load_tiles(
  lane: u32, first_t: u32, tokens: u32, first_row: u32, rows: u32, block: u32, blocks: u32, x_blocks: u32,
) {
  // An invocation fills a quad of a tile: 4 tokens or rows by a block. Where there are enough, others fill the weights'.
  let x_units = STEP * LANES_T;
  let w_unit = lane - select(0, x_units, LANES_T * ROW_QUADS >= x_units + STEP * ROW_QUADS);
  // The block of quads rotates places (^), so that invocations side by side hit different banks.
  if (lane < x_units) {
    let at = min(block + lane % STEP, x_blocks - 1);
    let t = first_t + lane / STEP * 4;
    let a = x[min(t, tokens - 1) * x_blocks + at];
    let b = x[min(t + 1, tokens - 1) * x_blocks + at];
    let c = x[min(t + 2, tokens - 1) * x_blocks + at];
    let d = x[min(t + 3, tokens - 1) * x_blocks + at];
    let slot = lane % STEP * 4 * LANES_T + ((lane / STEP) ^ (lane % STEP * 2 % LANES_T));
    x_tile[slot] = vec4u(a.x, b.x, c.x, d.x);
    x_tile[slot + LANES_T] = vec4u(a.y, b.y, c.y, d.y);
    x_tile[slot + 2 * LANES_T] = vec4u(a.z, b.z, c.z, d.z);
    x_tile[slot + 3 * LANES_T] = vec4u(a.w, b.w, c.w, d.w);
  }
  if (w_unit < STEP * ROW_QUADS) {
    let step_block = w_unit % STEP;
    let quad = w_unit / STEP;
    let at = block + step_block;
    var stored = Quad();
    if (at < x_blocks) {
      let row = min(vec4u(first_row + quad * 4) + vec4u(0, 1, 2, 3), vec4u(rows - 1));
      stored = stored_quad(row, at, step_block / STORED_BLOCKS, quad, rows, blocks);
    }
    let slot = step_block * 4 * ROW_QUADS + (quad ^ (step_block * 2));
    w_tile[slot] = vec4u(stored.a.x, stored.b.x, stored.c.x, stored.d.x);
    w_tile[slot + ROW_QUADS] = vec4u(stored.a.y, stored.b.y, stored.c.y, stored.d.y);
    w_tile[slot + 2 * ROW_QUADS] = vec4u(stored.a.z, stored.b.z, stored.c.z, stored.d.z);
    w_tile[slot + 3 * ROW_QUADS] = vec4u(stored.a.w, stored.b.w, stored.c.w, stored.d.w);
  }
}

// Computes and writes the tile of a workgroup.
fn matmul_tile(lane: u32, workgroup: vec3u, tokens: u32, rows: u32, blocks: u32, x_blocks: u32) {
  let lane_t = lane / ROW_QUADS;
  let lane_r = lane % ROW_QUADS;
  let first_t = workgroup.y * 4 * LANES_T;
  let first_row = workgroup.x * TILE_ROWS;
  let t = first_t + 4 * lane_t;
  let row = first_row + 4 * lane_r;
  let groups = (x_blocks + GROUP_BLOCKS - 1) / GROUP_BLOCKS;
  var sums = mat4x4f();
  for (var group = 0u; group < groups; group++) {
    var of_group = mat4x4f();
    var dots = no_dots();
    let end = min((group + 1) * GROUP_BLOCKS, x_blocks);
    for (var block = group * GROUP_BLOCKS; block < end; block += STEP) {
      load_tiles(lane, first_t, tokens, first_row, rows, block, blocks, x_blocks);
      workgroupBarrier();
      for (var k4 = 0u; k4 < STEP; k4++) {
        let x_at = k4 * 4 * LANES_T + (lane_t ^ (k4 * 2 % LANES_T));
        let w_at = k4 * 4 * ROW_QUADS + (lane_r ^ (k4 * 2));
        dots = add_word(dots, x_at, w_at);
        dots = add_word(dots, x_at + LANES_T, w_at + ROW_QUADS);
        dots = add_word(dots, x_at + 2 * LANES_T, w_at + 2 * ROW_QUADS);
        dots = add_word(dots, x_at + 3 * LANES_T, w_at + 3 * ROW_QUADS);
        if (GROUPED && k4 % STORED_BLOCKS == STORED_BLOCKS - 1) {
          of_group = add_group(of_group, dots, k4 / STORED_BLOCKS, lane_r);
          dots = no_dots();
        }
      }
      workgroupBarrier();
    }
    sums = add_scaled(sums, scales_at(t, tokens, group, groups), group_sums(of_group, dots));
  }
  write_sums(t, row, sums);
}
