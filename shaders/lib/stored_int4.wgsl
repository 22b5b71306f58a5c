// How lib/matmul_int8.wgsl sums the integers that lib/integers_int4.wgsl makes: by groups of 32 columns, each with scales of
// its own. It uses lib/biased.wgsl.

// Of four rows each, those of the groups block .. block + 3. `block` is even.
fn group_words(row: vec4u, block: u32, rows: u32, blocks: u32) -> GroupWords {
  let word = 1 + block / 2;
  var words = GroupWords();
  words.first = vec4u(
    scale_word(row.x, word, rows, blocks),
    scale_word(row.y, word, rows, blocks),
    scale_word(row.z, word, rows, blocks),
    scale_word(row.w, word, rows, blocks),
  );
  if (LANES_T == 8) {
    words.second = vec4u(
      scale_word(row.x, word + 1, rows, blocks),
      scale_word(row.y, word + 1, rows, blocks),
      scale_word(row.z, word + 1, rows, blocks),
      scale_word(row.w, word + 1, rows, blocks),
    );
  }
  return words;
}

// Half the scales of a group 0 .. 3.
fn group_scales(words: GroupWords, group: u32) -> vec4f {
  return half_scales(select(words.first, words.second, group >= 2) >> vec4u(16 * (group & 1)));
}

fn no_dots() -> vec4i {
  return vec4i(BIAS_BITS);
}

// Adds the dots of a group. Of a group behind the last they are zeros, and the scales any number.
fn add_group(of_group: vec4f, dots: vec4i, scales: vec4f) -> vec4f {
  return fma(scales, unbiased(dots), of_group);
}

// The sums over a group of x.
fn group_sums(of_group: vec4f, dots: vec4i) -> vec4f {
  return of_group;
}
