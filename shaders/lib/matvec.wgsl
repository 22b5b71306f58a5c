// The inner loop of all matrix-vector kernels: four rows of a matrix against one vector.
// The kernel binds `weights: array<vec4u>`, defines `input4(index) -> vec4f` (elements 4*index .., zeros past the end,
// where the last block of a row is padded) and overrides WG.

// This lane's share of the dot products of rows first .. first+3; rows past the end repeat the last one.
fn matvec_rows(first: u32, rows: u32, blocks: u32, lane: u32) -> vec4f {
  let last = rows - 1;
  let base = vec4u(first, min(first + 1, last), min(first + 2, last), min(first + 3, last)) * blocks;
  var sum = vec4f();
  for (var block = lane; block < blocks; block += WG) {
    // BLOCK4 is known when the shader is compiled: of these, what it does not need is not in the code.
    let at = block * BLOCK4;
    var x = mat4x4f();
    x[0] = input4(at);
    if (BLOCK4 > 1) {
      x[1] = input4(at + 1);
    }
    if (BLOCK4 > 2) {
      x[2] = input4(at + 2);
      x[3] = input4(at + 3);
    }
    sum += vec4f(
      dot_block(weights[base.x + block], x),
      dot_block(weights[base.y + block], x),
      dot_block(weights[base.z + block], x),
      dot_block(weights[base.w + block], x),
    );
  }
  return sum;
}
