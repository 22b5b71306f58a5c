// The inner loop of all matrix-vector kernels: four rows of a matrix against one vector.
// The kernel binds `weights: array<vec4u>`, defines `input4(index) -> vec4f` (elements 4*index ..) and overrides WG.

// This lane's share of the dot products of rows first .. first+3; rows past the end repeat the last one.
fn matvec_rows(first: u32, rows: u32, blocks: u32, columns4: u32, lane: u32) -> vec4f {
  let last = rows - 1;
  let base = vec4u(first, min(first + 1, last), min(first + 2, last), min(first + 3, last)) * blocks;
  var sum = vec4f();
  for (var block = lane; block < blocks; block += WG) {
    var x: array<vec4f, BLOCK4>;
    for (var part = 0u; part < BLOCK4; part++) {
      let index = block * BLOCK4 + part;
      if (index < columns4) {  // the last block of a row may be padded
        x[part] = input4(index);
      }
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

