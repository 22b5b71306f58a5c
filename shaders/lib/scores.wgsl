// Scores of attention in tiles: the products of queries and keys, a step of DEPTH4 vec4f's of a head at a time. A kernel
// overrides UNROLLED, and has in workgroup memory `left`, rows of queries, and `right`, keys, as attention_prefill lays them.

// Rows t, t + 8, t + 16 and t + 24.
fn left_rows(t: u32, k: u32) -> mat4x4f {
  return mat4x4f(left[t][k], left[t + 8][k], left[t + 16][k], left[t + 24][k]);
}

// Four keys (columns) of a step.
fn keys_at(column: u32, k: u32) -> mat4x4f {
  let at = column * DEPTH4 + (k ^ (column % DEPTH4));
  return transpose(mat4x4f(right[at], right[at + 128], right[at + 256], right[at + 384]));
}

// Scores with four columns of a step.
fn with_columns(scores: mat4x4f, t: u32, column: u32, k: u32) -> mat4x4f {
  return with_rows(scores, left_rows(t, k ^ t), keys_at(column, k));
}

// With all of a step.
fn with_step(scores: mat4x4f, t: u32, column: u32) -> mat4x4f {
  var next = scores;
  if (!UNROLLED) {
    for (var k = 0u; k < DEPTH4; k++) {
      next = with_columns(next, t, column, k);
    }
    return next;
  }
  next = with_columns(next, t, column, 0);
  next = with_columns(next, t, column, 1);
  next = with_columns(next, t, column, 2);
  next = with_columns(next, t, column, 3);
  next = with_columns(next, t, column, 4);
  next = with_columns(next, t, column, 5);
  next = with_columns(next, t, column, 6);
  next = with_columns(next, t, column, 7);
  return next;
}
