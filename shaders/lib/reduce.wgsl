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

// The sum of the invocations' values, to all of them, in three barriers. WG is a power of two.
//
// Tried     Halving the number of invocations with each step: log2(WG) + 2 barriers.
fn workgroup_sum(value: Sums, invocation: Invocation) -> Sums {
  let lane = invocation.lane;
  // They add up what the others left: few enough for all to read their sums, enough to share the work.
  let adders = min(8, WG);
  reduce_four[lane] = value.four;
  reduce_one[lane] = value.one;
  workgroupBarrier();
  if (lane < adders) {
    var sum = value;
    for (var other = lane + adders; other < WG; other += adders) {
      sum.four += reduce_four[other];
      sum.one += reduce_one[other];
    }
    reduce_four[lane] = sum.four;
    reduce_one[lane] = sum.one;
  }
  workgroupBarrier();
  var total = Sums(reduce_four[0], reduce_one[0]);
  for (var adder = 1u; adder < adders; adder++) {
    total.four += reduce_four[adder];
    total.one += reduce_one[adder];
  }
  workgroupBarrier();  // so that the next call may write
  return total;
}
