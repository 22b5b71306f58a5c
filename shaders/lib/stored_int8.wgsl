// How lib/matmul_int8.wgsl sums the integers that lib/integers_int8.wgsl makes: no columns have scales of their own.

fn group_words(row: vec4u, block: u32, rows: u32, blocks: u32) -> GroupWords {
  return GroupWords();
}

fn group_scales(words: GroupWords, group: u32) -> vec4f {
  return vec4f();
}

fn no_dots() -> vec4i {
  return vec4i();
}

fn add_group(of_group: vec4f, dots: vec4i, scales: vec4f) -> vec4f {
  return of_group;
}

// The sums over a group of x.
fn group_sums(of_group: vec4f, dots: vec4i) -> vec4f {
  return vec4f(dots);
}
