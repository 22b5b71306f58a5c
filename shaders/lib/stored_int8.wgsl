// Weights of scheme int8 as integers, for lib/matmul_int8.wgsl: a block of 16 bytes holds 16 columns, bytes that are
// integers already. Only rows have scales, which come behind the sums.

const STORED_BLOCKS: u32 = 1;  // blocks of 16 columns in a block of weights

// Block `at` of 16 columns of four rows. `group` and `quad` are for schemes that have groups with a scale.
fn stored_quad(row: vec4u, at: u32, group: u32, quad: u32, rows: u32, blocks: u32) -> Quad {
  return Quad(
    weights[row.x * blocks + at],
    weights[row.y * blocks + at],
    weights[row.z * blocks + at],
    weights[row.w * blocks + at],
  );
}

fn no_dots() -> Dots {
  return Dots();
}

fn add_group(sums: mat4x4f, dots: Dots, group: u32, quad: u32) -> mat4x4f {
  return sums;
}

// What is summed over a group of x.
fn group_sums(sums: mat4x4f, dots: Dots) -> mat4x4f {
  return mat4x4f(vec4f(dots.t0), vec4f(dots.t1), vec4f(dots.t2), vec4f(dots.t3));
}
