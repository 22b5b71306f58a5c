// How many invocations share the work of a dot product, and the sum of what each found. Without subgroups they would have to
// wait for each other: each has one of its own.

const SHARERS: u32 = 1;

fn shared_sum(value: vec4f) -> vec4f {
  return value;
}
