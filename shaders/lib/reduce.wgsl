// Sums over a workgroup of WG invocations, through workgroup memory. Every invocation must call.

// The workgroup's id is not in here: one member that differs between invocations makes the compiler treat all so.
struct Invocation {
  @builtin(local_invocation_index) lane: u32,
}

struct Sums {
  four: vec4f,
  one: f32,
}

var<workgroup> reduce_four: array<vec4f, WG>;
var<workgroup> reduce_one: array<f32, WG>;

// The sum of the invocations' values, to all of them. WG is a power of two.
fn workgroup_sum(value: Sums, invocation: Invocation) -> Sums {
  let lane = invocation.lane;
  reduce_four[lane] = value.four;
  reduce_one[lane] = value.one;
  workgroupBarrier();
  for (var width = WG / 2; width > 0; width /= 2) {
    if (lane < width) {
      reduce_four[lane] += reduce_four[lane + width];
      reduce_one[lane] += reduce_one[lane + width];
    }
    workgroupBarrier();
  }
  let total = Sums(reduce_four[0], reduce_one[0]);
  workgroupBarrier();  // so that the next call may write
  return total;
}
