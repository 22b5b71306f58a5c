// The norm of an input whose squares a kernel before has summed, as lib/to_norm.wgsl leaves them.

// 1 / rms.
fn norm_factor(squares_sum: f32, columns4: u32, eps: f32) -> f32 {
  return inverseSqrt(squares_sum / f32(columns4 * 4) + eps);
}
