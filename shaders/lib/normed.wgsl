// The other end of lib/to_norm.wgsl: the norm of an input whose squares a kernel before has summed. The kernel binds
// `squares: array<vec4f>` (zeros behind the last).

// The share of a lane of so many lanes of the sum of squares.
fn squares_share(lane: u32, lanes: u32, squares4: u32) -> f32 {
  var sum = vec4f();
  for (var index = lane; index < squares4; index += lanes) {
    sum += squares[index];
  }
  return dot(sum, vec4f(1.0));
}
