// The inner loop of all matrix-vector kernels: four rows of a matrix against one vector.
// The kernel binds `weights: array<vec4u>`, defines `input4(index) -> vec4f` (elements 4*index .., zeros past the end,
// where the last block of a row is padded) and overrides WG. Invocations are teams, each with four rows: here all of a
// workgroup are one, in lib/fixed/matvec.wgsl there are several.
//
// Tried     Without bounds on rows and columns; the input as four vectors instead of a matrix; the input read before the
//           weights: 4.5 to 4.7 ms a token of Bamba-9B on an H100, never less than 4.46.
//           Eight rows a workgroup, one subgroup a row, several groups of rows in turn, two blocks at once: slower than
//           four rows a workgroup of 128, or no faster. So are exchanges between quarters of a subgroup to add up four
//           sums. Of int8, 28,672 x 4,096, 2026-11-26: as it is 45.4 to 47 us; all weights asked for before the input,
//           whole rows a subgroup, the input in workgroup memory, six and eight rows a workgroup 45 to 55.

fn first_row(group: u32, lane: u32) -> u32 {
  return group * 4;
}

fn team_lane(lane: u32) -> u32 {
  return lane;
}

fn team_sum(value: Sums, invocation: Invocation) -> Sums {
  return workgroup_sum(value, invocation);
}

// The share of one block of columns in the dot products of rows first .. first+3; rows past the end repeat the last one.
fn matvec_block(first: u32, rows: u32, blocks: u32, block: u32) -> vec4f {
  let last = rows - 1;
  let base = vec4u(first, min(first + 1, last), min(first + 2, last), min(first + 3, last)) * blocks;
  let w0 = weights[base.x + block];
  let w1 = weights[base.y + block];
  let w2 = weights[base.z + block];
  let w3 = weights[base.w + block];
  var dots = vec4f();
  var x_sum = vec4f();
  for (var half = 0u; half < HALVES; half++) {
    // BLOCK4 is known when the shader is compiled: of these, what it does not need is not in the code.
    let at = (block * HALVES + half) * BLOCK4;
    var x = mat4x4f();
    x[0] = input4(at);
    if (BLOCK4 > 1) {
      x[1] = input4(at + 1);
    }
    if (BLOCK4 > 2) {
      x[2] = input4(at + 2);
      x[3] = input4(at + 3);
    }
    dots += vec4f(dot_half(w0, half, x), dot_half(w1, half, x), dot_half(w2, half, x), dot_half(w3, half, x));
    if (GROUPED) {
      x_sum += x[0] + x[1] + x[2] + x[3];
    }
  }
  if (GROUPED) {
    // sum (scale q + minimum) x = scale sum q x + minimum sum x, and sum x is the same for all rows.
    let s0 = block_scale(min(first, last), block, rows, blocks);
    let s1 = block_scale(min(first + 1, last), block, rows, blocks);
    let s2 = block_scale(min(first + 2, last), block, rows, blocks);
    let s3 = block_scale(min(first + 3, last), block, rows, blocks);
    dots = vec4f(s0.x, s1.x, s2.x, s3.x) * dots
      + vec4f(s0.y, s1.y, s2.y, s3.y) * dot(x_sum, vec4f(1.0));
  }
  return dots;
}

// This lane's share of the dot products of rows first .. first+3.
fn matvec_rows(first: u32, rows: u32, blocks: u32, lane: u32) -> vec4f {
  var sum = vec4f();
  for (var block = lane; block < blocks; block += WG) {
    sum += matvec_block(first, rows, blocks, block);
  }
  return sum;
}
