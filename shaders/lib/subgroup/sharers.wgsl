// How many invocations share the work of a dot product of attention, and the sum of what each found: four neighbours, so
// that they read what lies side by side. No subgroup is smaller.

const SHARERS: u32 = 4;

fn shared_sum(value: vec4f) -> vec4f {
  let pairs = value + subgroupShuffleXor(value, 1u);
  return pairs + subgroupShuffleXor(pairs, 2u);
}
