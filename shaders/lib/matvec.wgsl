// The inner loop of all matrix-vector kernels: four rows of a matrix against one vector.
// The kernel binds `weights: array<vec4u>`, defines `input4(index) -> vec4f` (elements 4*index ..; past the end, where the
// last block of a row is padded, any number but of GROUPED schemes, whose weights there are not all zeros) and overrides WG. Invocations are teams, each with four rows: here all of a
// workgroup are one, in lib/fixed/matvec.wgsl there are several.

fn first_row(group: u32, lane: u32) -> u32 {
  return group * 4;
}

fn team_lane(lane: u32) -> u32 {
  return lane;
}

fn team_sum(value: Sums, invocation: Invocation) -> Sums {
  return workgroup_sum(value, invocation);
}

// The inputs of half a block.
fn input_half(block: u32, half: u32) -> mat4x4f {
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
  return x;
}

// The inputs of a block: a second half only where blocks have one.
struct BlockInput {
  first: mat4x4f,
  second: mat4x4f,
}

fn input_block(block: u32) -> BlockInput {
  if (HALVES > 1) {
    return BlockInput(input_half(block, 0), input_half(block, 1));
  }
  return BlockInput(input_half(block, 0), mat4x4f());
}

// A block of each of four rows. Rows past the end are of whatever comes next, which WebGPU keeps within the binding;
// nobody takes what becomes of them.
struct BlockRows {
  a: vec4u,
  b: vec4u,
  c: vec4u,
  d: vec4u,
}

fn read_rows(first: u32, blocks: u32, block: u32) -> BlockRows {
  let at = first * blocks + block;
  return BlockRows(weights[at], weights[at + blocks], weights[at + 2 * blocks], weights[at + 3 * blocks]);
}

// What they add to the dot products of rows first .. first+3.
fn dot_rows(w: BlockRows, x: BlockInput, first: u32, rows: u32, blocks: u32, block: u32) -> vec4f {
  var dots = vec4f(
    dot_half(w.a, 0, x.first),
    dot_half(w.b, 0, x.first),
    dot_half(w.c, 0, x.first),
    dot_half(w.d, 0, x.first),
  );
  if (HALVES > 1) {
    dots += vec4f(
      dot_half(w.a, 1, x.second),
      dot_half(w.b, 1, x.second),
      dot_half(w.c, 1, x.second),
      dot_half(w.d, 1, x.second),
    );
  }
  if (GROUPED) {
    // sum (scale q + minimum) x = scale sum q x + minimum sum x, and sum x is the same for all rows.
    let x_sum = x.first[0] + x.first[1] + x.first[2] + x.first[3] +
      x.second[0] + x.second[1] + x.second[2] + x.second[3];
    let s0 = block_scale(first, block, rows, blocks);
    let s1 = block_scale(first + 1, block, rows, blocks);
    let s2 = block_scale(first + 2, block, rows, blocks);
    let s3 = block_scale(first + 3, block, rows, blocks);
    dots = vec4f(s0.x, s1.x, s2.x, s3.x) * dots
      + vec4f(s0.y, s1.y, s2.y, s3.y) * dot(x_sum, vec4f(1.0));
  }
  return dots;
}

// Weights come from afar, and so are asked for before the input: an H100 takes a tenth longer the other way round.
fn matvec_block(first: u32, rows: u32, blocks: u32, block: u32) -> vec4f {
  let w = read_rows(first, blocks, block);
  return dot_rows(w, input_block(block), first, rows, blocks, block);
}

// This lane's share of the dot products of rows first .. first+3.
fn matvec_rows(first: u32, rows: u32, blocks: u32, lane: u32) -> vec4f {
  var sum = vec4f();
  for (var block = lane; block < blocks; block += WG) {
    sum += matvec_block(first, rows, blocks, block);
  }
  return sum;
}
