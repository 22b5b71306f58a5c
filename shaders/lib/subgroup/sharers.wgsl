// How many invocations share a dot product, and the sum of their shares. They are four neighbours, so that they
// read neighbouring places. No subgroup is smaller.

const SHARERS: u32 = 4;

fn shared_sum(value: vec4f) -> vec4f {
  let pairs = value + subgroupShuffleXor(value, 1u);
  return pairs + subgroupShuffleXor(pairs, 2u);
}
