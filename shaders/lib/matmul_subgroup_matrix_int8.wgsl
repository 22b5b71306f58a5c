// The inner loop of lib/subgroup_matrix.wgsl for weights of scheme int8. The kernel binds `x: array<vec4i>` (T, 2, x_blocks) and
// `x_scale: array<f32>` (T) as quantize_rows_int16 leaves them, and `weights: array<vec4u>` (rows, blocks). Products are
// summed exactly, of fewer than 2^17 columns.
//
// Tried     On an H100, in TOP/s at 512 tokens by 4,096 rows of 14,336 columns: 208; 64 columns a step 111, with the next
//           step's in a second buffer 162; 128 by 128 with 16 subgroups 192; four subgroups 148; accumulators in an array
//           135; matrices loaded from bindings, not from workgroup memory, 15. lib/matmul_int8.wgsl: 67.
//           The first form of this kernel 200 to 219, this one 240 to 260; 64 by 64 82; 128 by 128 by sixteen subgroups
//           153 to 194; loads from storage 11 to 15, with bounds that the compiler does not know 20. Matrices of
//           registers alone 1,290, with operands from workgroup memory 700 to 930. 2026-11-26.
// Hazards   a load tests for bounds, which makes it six times slower, unless its array has a fixed length and its offset
//           and pitch are constants: hence an array a share, and a loop written out.

const STEP: u32 = 8;        // blocks of 16 columns in a step
const PITCH: u32 = 9;       // blocks from row to row of a share: one is left out, so that rows begin in different banks
const HALF: u32 = 16 * PITCH;
const UPPER: f32 = 256.0;   // what sums of upper digits count, and of lower ones
const LOWER: f32 = 1.0;

// Shares of 32 tokens or rows: upper and lower digits of the first tokens, of the second, then four of weights. Behind the
// last step each subgroup has one to write its sums to.
var<workgroup> shares: array<array<vec4i, 2 * HALF>, 8>;

// Of all shares, the block that an invocation brings there.
struct Blocks {
  x0: vec4i,
  x1: vec4i,
  x2: vec4i,
  x3: vec4i,
  w0: vec4i,
  w1: vec4i,
  w2: vec4i,
  w3: vec4i,
}

// Where in their bindings the rows begin that these are of; `lower` is how far the lower digits are from the upper ones.
struct Places {
  x: vec2u,
  w: vec4u,
  lower: u32,
}

// Blocks behind the last count as zeros.
fn blocks_at(at: Places, block: u32) -> Blocks {
  if (block >= at.lower) {
    return Blocks();
  }
  return Blocks(
    x[at.x.x + block],
    x[at.x.x + at.lower + block],
    x[at.x.y + block],
    x[at.x.y + at.lower + block],
    bitcast<vec4i>(weights[at.w.x + block]),
    bitcast<vec4i>(weights[at.w.y + block]),
    bitcast<vec4i>(weights[at.w.z + block]),
    bitcast<vec4i>(weights[at.w.w + block]),
  );
}

// Computes and writes the tile of a workgroup. Rows and tokens behind the last are read as the last.
fn matmul_tile(
  lane: u32, subgroup: u32, member: u32, workgroup: vec3u, tokens: u32, rows: u32, blocks: u32, x_blocks: u32,
) {
  let first_t = workgroup.x * TILE_TOKENS;
  let first_row = workgroup.y * TILE_ROWS;
  let t = min(vec2u(first_t + lane / STEP) + vec2u(0, 32), vec2u(tokens - 1));
  let row = min(vec4u(first_row + lane / STEP) + vec4u(0, 32, 64, 96), vec4u(rows - 1));
  let places = Places(2 * x_blocks * t, blocks * row, x_blocks);
  let at = lane / STEP * PITCH + lane % STEP;
  let upper_share = subgroup / 4 * 2;
  let lower_share = upper_share + 1;
  let w_share = 4 + subgroup % 4;
  // Of upper and lower digits; tokens 0 .. 15 and 16 .. 31 of the share by rows 0 .. 15 and 16 .. 31.
  var upper_00 = Sums();
  var upper_01 = Sums();
  var upper_10 = Sums();
  var upper_11 = Sums();
  var lower_00 = Sums();
  var lower_01 = Sums();
  var lower_10 = Sums();
  var lower_11 = Sums();
  var next = blocks_at(places, lane % STEP);
  for (var block = 0u; block < x_blocks; block += STEP) {
    workgroupBarrier();
    shares[0][at] = next.x0;
    shares[1][at] = next.x1;
    shares[2][at] = next.x2;
    shares[3][at] = next.x3;
    shares[4][at] = next.w0;
    shares[5][at] = next.w1;
    shares[6][at] = next.w2;
    shares[7][at] = next.w3;
    workgroupBarrier();
    next = blocks_at(places, block + STEP + lane % STEP);
    {
      let upper_0 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], 0, PITCH);
      let upper_1 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], HALF, PITCH);
      let lower_0 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], 0, PITCH);
      let lower_1 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], HALF, PITCH);
      let w_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], 0, PITCH);
      let w_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], HALF, PITCH);
      upper_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_0, upper_00);
      upper_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_0, upper_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(lower_0, w_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(lower_1, w_0, lower_10);
      upper_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_1, upper_01);
      upper_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_1, upper_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(lower_0, w_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(lower_1, w_1, lower_11);
    }
    {
      let upper_0 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], 2, PITCH);
      let upper_1 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], HALF + 2, PITCH);
      let lower_0 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], 2, PITCH);
      let lower_1 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], HALF + 2, PITCH);
      let w_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], 2, PITCH);
      let w_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], HALF + 2, PITCH);
      upper_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_0, upper_00);
      upper_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_0, upper_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(lower_0, w_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(lower_1, w_0, lower_10);
      upper_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_1, upper_01);
      upper_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_1, upper_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(lower_0, w_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(lower_1, w_1, lower_11);
    }
    {
      let upper_0 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], 4, PITCH);
      let upper_1 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], HALF + 4, PITCH);
      let lower_0 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], 4, PITCH);
      let lower_1 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], HALF + 4, PITCH);
      let w_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], 4, PITCH);
      let w_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], HALF + 4, PITCH);
      upper_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_0, upper_00);
      upper_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_0, upper_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(lower_0, w_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(lower_1, w_0, lower_10);
      upper_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_1, upper_01);
      upper_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_1, upper_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(lower_0, w_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(lower_1, w_1, lower_11);
    }
    {
      let upper_0 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], 6, PITCH);
      let upper_1 = subgroupMatrixLoad<Left, row_major>(&shares[upper_share], HALF + 6, PITCH);
      let lower_0 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], 6, PITCH);
      let lower_1 = subgroupMatrixLoad<Left, row_major>(&shares[lower_share], HALF + 6, PITCH);
      let w_0 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], 6, PITCH);
      let w_1 = subgroupMatrixLoad<Right, col_major>(&shares[w_share], HALF + 6, PITCH);
      upper_00 = subgroupMatrixMultiplyAccumulate(upper_0, w_0, upper_00);
      upper_10 = subgroupMatrixMultiplyAccumulate(upper_1, w_0, upper_10);
      lower_00 = subgroupMatrixMultiplyAccumulate(lower_0, w_0, lower_00);
      lower_10 = subgroupMatrixMultiplyAccumulate(lower_1, w_0, lower_10);
      upper_01 = subgroupMatrixMultiplyAccumulate(upper_0, w_1, upper_01);
      upper_11 = subgroupMatrixMultiplyAccumulate(upper_1, w_1, upper_11);
      lower_01 = subgroupMatrixMultiplyAccumulate(lower_0, w_1, lower_01);
      lower_11 = subgroupMatrixMultiplyAccumulate(lower_1, w_1, lower_11);
    }
  }
  let t0 = first_t + subgroup / 4 * 32;
  let row0 = first_row + subgroup % 4 * 32;
  write_part(upper_00, lower_00, subgroup, member, t0, row0, tokens, rows);
  write_part(upper_01, lower_01, subgroup, member, t0, row0 + 16, tokens, rows);
  write_part(upper_10, lower_10, subgroup, member, t0 + 16, row0, tokens, rows);
  write_part(upper_11, lower_11, subgroup, member, t0 + 16, row0 + 16, tokens, rows);
}
