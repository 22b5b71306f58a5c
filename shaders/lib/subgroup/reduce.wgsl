// Sums over a workgroup of WG invocations, by subgroup operations. Every invocation must call.
// The subgroup size is whatever the device chose, at least 4.

// The workgroup's id is not in here: one member that differs between invocations makes the compiler treat all so.
struct Invocation {
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
  @builtin(subgroup_size) subgroup_size: u32,
}

struct Sums {
  four: vec4f,
  one: f32,
}

var<workgroup> reduce_four: array<vec4f, WG / 4 + 1>;
var<workgroup> reduce_one: array<f32, WG / 4 + 1>;

// The sum of the invocations' values, to all of them.
fn workgroup_sum(value: Sums, invocation: Invocation) -> Sums {
  var total = Sums(subgroupAdd(value.four), subgroupAdd(value.one));
  // No subgroup is smaller. Without a barrier, a processor that plays a GPU runs a workgroup straight through.
  if (WG <= 4) {
    return total;
  }
  let subgroups = (WG + invocation.subgroup_size - 1) / invocation.subgroup_size;
  if (invocation.subgroup_lane == 0) {
    let subgroup = invocation.lane / invocation.subgroup_size;
    reduce_four[subgroup] = total.four;
    reduce_one[subgroup] = total.one;
  }
  workgroupBarrier();
  total = Sums(reduce_four[0], reduce_one[0]);
  for (var subgroup = 1u; subgroup < subgroups; subgroup++) {
    total.four += reduce_four[subgroup];
    total.one += reduce_one[subgroup];
  }
  workgroupBarrier();  // so that the next call may write
  return total;
}
