// The inner loop of lib/subgroup_matrix.wgsl for weights of scheme int4. They become integers of 16 bits, two digits of int8
// as x has them: 1024 times the weight by its row's scale, rounded. The product of both lower digits is left out. The kernel
// binds what it does for int8; of fewer than 2^16 columns.
//
// Tried     On an H100, in TOP/s at 512 tokens by 4,096 rows of 14,336 columns: 86; with 64 rows and the next step's columns
//           in a second buffer 67. In three products of digits of dequantized weights 84 to 90.
// Hazards   as with lib/matmul_subgroup_matrix_int8.wgsl. Groups of a scale below 2^-3 of the row's are rounded: by up to 2^-16 of
//           the largest weight that a row can have.

const STEP: u32 = 4;        // blocks of 16 columns in a step
const PITCH: u32 = 5;       // blocks from row to row of a share: one is left out, so that rows begin in different banks
const HALF: u32 = 16 * PITCH;
const UPPER: f32 = 64.0;    // what sums of products of upper digits count, and of one of each: 65536 / 1024, 256 / 1024
const LOWER: f32 = 0.25;

// Shares of 32 tokens or rows, upper before lower digits: two of tokens, four of weights. Behind the last step each
// subgroup has one to write its sums to.
var<workgroup> shares: array<array<vec4i, 2 * HALF>, 12>;

// The contribution of an invocation to shares: blocks of 16 columns of x, of the first tokens and of the second, and a group
// of weights with the bits of its scale.
struct Blocks {
  x0: vec4i,
  x1: vec4i,
  w: vec4u,
  bits: u32,
}

// Where these are: blocks at which rows of x begin, and the row of weights.
struct Places {
  x: vec2u,
  row: u32,
  x_blocks: u32,
  rows: u32,
  blocks: u32,
}

// Blocks behind the last count as zeros.
fn blocks_at(at: Places, x_block: u32, w_block: u32) -> Blocks {
  var found = Blocks();
  if (x_block < at.x_blocks) {
    found.x0 = x[at.x.x + x_block];
    found.x1 = x[at.x.y + x_block];
  }
  if (w_block < at.blocks) {
    found.w = weights[at.row * at.blocks + w_block];
    found.bits = (scale_word(at.row, 1 + w_block / 2, at.rows, at.blocks) >> (16 * (w_block & 1))) & 0xffff;
  }
  return found;
}

// Upper and lower digits of four columns: lower halves of a word's bytes.
fn digits(word: u32, bits: u32) -> vec2i {
  let doubled = 2 * vec4i(unpack4xU8(word & 0x0f0f0f0f)) - i32(bits & 31);
  // Exponent 31 stands for 1; from 11 on down nothing is left.
  let shift = min(31 - (bits >> 11), 20);
  let mantissa = i32(64 + ((bits >> 5) & 63));
  let whole = (8 * mantissa * doubled + ((1 << shift) >> 1)) >> vec4u(shift);
  return vec2i(i32(pack4xI8((whole + 128) >> vec4u(8))), i32(pack4xI8(whole)));
}

// Leaves the digits of 16 columns in two shares.
fn put_digits(share: u32, at: u32, words: vec4u, bits: u32) {
  let a = digits(words.x, bits);
  let b = digits(words.y, bits);
  let c = digits(words.z, bits);
  let d = digits(words.w, bits);
  shares[share][at] = vec4i(a.x, b.x, c.x, d.x);
  shares[share + 1][at] = vec4i(a.y, b.y, c.y, d.y);
}

// Computes and writes the tile of a workgroup. Rows and tokens behind the last are read as the last.
fn matmul_tile(
  lane: u32, subgroup: u32, member: u32, workgroup: vec3u, tokens: u32, rows: u32, blocks: u32, x_blocks: u32,
) {
  let first_t = workgroup.x * TILE_TOKENS;
  let first_row = workgroup.y * TILE_ROWS;
  // Of 128 invocations, each has a block of x; of two, each a group of a row of weights.
  let digit = lane / 128;
  let t = min(vec2u(first_t + lane % 128 / STEP) + vec2u(0, 32), vec2u(tokens - 1));
  let row = min(first_row + lane / 2, rows - 1);
  let places = Places((2 * t + digit) * x_blocks, row, x_blocks, rows, blocks);
  let x_at = lane % 128 / STEP * PITCH + lane % STEP;
  let w_at = lane / 2 % 32 * PITCH + lane % 2 * 2;
  let w_to = 4 + lane / 64 * 2;
  let upper_share = subgroup / 4 * 2;
  let lower_share = upper_share + 1;
  let w_upper_share = 4 + subgroup % 4 * 2;
  let w_lower_share = w_upper_share + 1;
  // Of upper digits, and of one of each; tokens 0 .. 15 and 16 .. 31 of the share by rows 0 .. 15 and 16 .. 31.
  var upper_00 = Sums();
  var upper_01 = Sums();
  var upper_10 = Sums();
  var upper_11 = Sums();
  var lower_00 = Sums();
  var lower_01 = Sums();
  var lower_10 = Sums();
  var lower_11 = Sums();
  var next = blocks_at(places, lane % STEP, lane % 2);
  for (var block = 0u; block < x_blocks; block += STEP) {
    workgroupBarrier();
    shares[digit][x_at] = next.x0;
    shares[2 + digit][x_at] = next.x1;
    put_digits(w_to, w_at, next.w, next.bits);
    put_digits(w_to, w_at + 1, next.w >> vec4u(4), next.bits);
    workgroupBarrier();
    next = blocks_at(places, block + STEP + lane % STEP, (block + STEP) / 2 + lane % 2);
    {
      let upper_0 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], 0, PITCH);
      let upper_1 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], HALF, PITCH);
      let lower_0 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], 0, PITCH);
      let lower_1 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], HALF, PITCH);
      let w_upper_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_upper_share], 0, PITCH);
      let w_upper_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_upper_share], HALF, PITCH);
      let w_lower_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_lower_share], 0, PITCH);
      let w_lower_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_lower_share], HALF, PITCH);
      upper_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_upper_0, upper_00);
      upper_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_upper_0, upper_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_lower_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_lower_0, lower_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(lower_0, w_upper_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(lower_1, w_upper_0, lower_10);
      upper_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_upper_1, upper_01);
      upper_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_upper_1, upper_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_lower_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_lower_1, lower_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(lower_0, w_upper_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(lower_1, w_upper_1, lower_11);
    }
    {
      let upper_0 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], 2, PITCH);
      let upper_1 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], HALF + 2, PITCH);
      let lower_0 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], 2, PITCH);
      let lower_1 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], HALF + 2, PITCH);
      let w_upper_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_upper_share], 2, PITCH);
      let w_upper_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_upper_share], HALF + 2, PITCH);
      let w_lower_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_lower_share], 2, PITCH);
      let w_lower_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_lower_share], HALF + 2, PITCH);
      upper_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_upper_0, upper_00);
      upper_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_upper_0, upper_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_lower_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_lower_0, lower_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(lower_0, w_upper_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(lower_1, w_upper_0, lower_10);
      upper_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_upper_1, upper_01);
      upper_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_upper_1, upper_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_lower_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_lower_1, lower_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(lower_0, w_upper_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(lower_1, w_upper_1, lower_11);
    }
  }
  let t0 = first_t + subgroup / 4 * 32;
  let row0 = first_row + subgroup % 4 * 32;
  write_part(upper_00, lower_00, subgroup, member, t0, row0, tokens, rows);
  write_part(upper_01, lower_01, subgroup, member, t0, row0 + 16, tokens, rows);
  write_part(upper_10, lower_10, subgroup, member, t0 + 16, row0, tokens, rows);
  write_part(upper_11, lower_11, subgroup, member, t0 + 16, row0 + 16, tokens, rows);
}
