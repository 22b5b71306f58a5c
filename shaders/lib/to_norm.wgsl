// A vector on its way into an RMSNorm. A kernel that makes x of the residual stream also writes h = x * norm_weight, and the
// squares of x, summed by fours. A kernel that multiplies h by a matrix scales the product by 1 / rms(x). So the norm costs
// no pass of its own, and no one reads x and the norm's weight again.

// Adds four rows to the stream. The kernel binds `x`, `h` and `x_squares` read_write and `norm_weight`.
fn add_to_norm(row4: u32, value: vec4f) {
  let sum = x[row4] + value;
  x[row4] = sum;
  h[row4] = sum * norm_weight[row4];
  x_squares[row4] = dot(sum, sum);
}
