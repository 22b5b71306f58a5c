// What becomes of the sums of a product. The kernel overrides ACTION, binds `y: array<f32>` read_write, and uses
// lib/math.wgsl, lib/activation.wgsl and lib/weight.wgsl.

// Sums become elements of y, but for these values of ACTION.
const ADD: u32 = 1;     // they are added to y
// From here on those of two rows in turn are gate and up, and make one element: silu(gate) * up, and behind it the same
// with the other activations.
const SWIGLU: u32 = 2;

// Scales of a row and of the next. Behind the last row it is that of the last.
fn pair_scales(row: u32, rows: u32, blocks: u32) -> vec2f {
  return vec2f(row_scale(row, rows, blocks), row_scale(min(row + 1, rows - 1), rows, blocks));
}

fn put(at: u32, sum: f32) {
  if (ACTION == ADD) {
    y[at] += sum;
  } else {
    y[at] = sum;
  }
}

// The scaled sums of rows `row` and row + 1, of which the second counts where `both`; the row of y begins at `start`.
fn put_pair(start: u32, row: u32, both: bool, sums: vec2f) {
  if (ACTION >= SWIGLU) {
    put(start + row / 2, sums.y * activation(max(ACTION, SWIGLU) - SWIGLU, sums.x));
    return;
  }
  put(start + row, sums.x);
  if (both) {
    put(start + row + 1, sums.y);
  }
}
