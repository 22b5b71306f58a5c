// How many invocations share the work of a dot product of attention, and the sum of what each found. Without subgroups
// they would have to wait for each other: each takes a key of its own.

const SHARERS: u32 = 1;

fn shared_sum(value: vec4f) -> vec4f {
  return value;
}
