// The norms of the inputs of lib/matvecs.wgsl, whose squares a kernel before has summed. The kernel binds
// `squares: array<vec4f>` of COLUMNS vectors (zeros behind the last of each), has in Params `squares4` of one, and
// `squares_stride` from one to the next, and uses lib/norm_factor.wgsl.
// Every product of lib/columns.wgsl asks for column_factor.

var<workgroup> norm_shares: array<f32, WG>;
var<workgroup> norms: array<f32, COLUMNS>;

// What the sums of a column are multiplied by.
fn column_factor(column: u32) -> f32 {
  if (NORMED == 1) {
    return norms[column];
  }
  return 1.0;
}

// 1 / rms of every column, to all of the workgroup: as many invocations add up each. Every invocation must call.
fn find_norms(lane: u32) {
  let adders = WG / COLUMNS;
  let column = lane / adders;
  var share = vec4f();
  for (var index = lane % adders; index < params.squares4; index += adders) {
    share += squares[column * params.squares_stride + index];
  }
  norm_shares[lane] = dot(share, vec4f(1.0));
  workgroupBarrier();
  if (lane < COLUMNS) {
    var sum = 0.0;
    for (var adder = 0u; adder < adders; adder++) {
      sum += norm_shares[lane * adders + adder];
    }
    norms[lane] = norm_factor(sum, params.columns4, params.eps);
  }
  workgroupBarrier();
}
